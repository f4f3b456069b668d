// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace ballast::config {
namespace {

const auto examples =
    std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path() /
    "examples";

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string first_problem(const std::expected<Config, std::vector<Problem>>& loaded) {
    return loaded ? "none" : to_string(loaded.error().front(), "written");
}

TEST(WrittenOut, each_example_is_read_back_as_the_same) {
    int examined = 0;
    for (const auto& entry : std::filesystem::directory_iterator(examples)) {
        if (entry.path().extension() != ".toml") continue;
        SCOPED_TRACE(entry.path());
        const auto config = load(content_of(entry.path()));
        ASSERT_TRUE(config) << first_problem(config);
        const auto text = written_out(*config);
        const auto again = load(text);
        ASSERT_TRUE(again) << first_problem(again) << text;
        EXPECT_EQ(written_out(*again), text);
        ++examined;
    }
    EXPECT_GE(examined, 3);
}

TEST(WrittenOut, what_is_not_said_has_its_default_and_quotes_survive) {
    const auto config = load(R"(
[listener.ftp]
bind = ["127.0.0.1:21"]
pool = "p"
greeting = 'say "friend" \ and enter'
[pool.p]
[[pool.p.backend]]
name = "b"
address = "192.0.2.1"
)");
    ASSERT_TRUE(config) << first_problem(config);
    const auto text = written_out(*config);
    EXPECT_NE(text.find("\n# sessions_per_address = a quarter"), std::string::npos) << text;
    EXPECT_NE(text.find("\n# fast_interval = interval\n"), std::string::npos) << text;
    const auto again = load(text);
    ASSERT_TRUE(again) << first_problem(again);
    EXPECT_EQ(again->listeners.at(0).greeting, "say \"friend\" \\ and enter");
}

}  // namespace
}  // namespace ballast::config
