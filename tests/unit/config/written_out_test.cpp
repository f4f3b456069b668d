// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

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

TEST(WrittenOut, each_example_is_the_same_after_reading_it_back) {
    int examined = 0;
    for (const auto& entry : std::filesystem::directory_iterator(examples)) {
        if (entry.path().extension() != ".toml") continue;
        SCOPED_TRACE(entry.path());
        const auto text = written_out(loaded(content_of(entry.path())));
        EXPECT_EQ(written_out(loaded(text)), text);
        ++examined;
    }
    EXPECT_GE(examined, 3);
}

TEST(WrittenOut, missing_settings_have_their_defaults_and_quotes_survive) {
    const auto text = written_out(loaded(R"(
[listener.ftp]
bind = ["127.0.0.1:21"]
pool = "p"
greeting = 'say "friend" \ and enter'
[pool.p]
[[pool.p.backend]]
name = "b"
address = "192.0.2.1"
)"));
    EXPECT_NE(text.find("\n# sessions_per_address = a quarter"), std::string::npos) << text;
    EXPECT_NE(text.find("\n# fast_interval = interval\n"), std::string::npos) << text;
    EXPECT_EQ(loaded(text).listeners.at(0).greeting, "say \"friend\" \\ and enter");
}

}  // namespace
}  // namespace ballast::config
