// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace ballast::config {
namespace {

const auto repository =
    std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Manual, its_example_loads) {
    const auto text = manual();
    const std::string_view fence = "```toml\n";
    const auto begin = text.find(fence);
    ASSERT_NE(begin, std::string::npos);
    const auto end = text.find("```", begin + fence.size());
    const auto example = text.substr(begin + fence.size(), end - begin - fence.size());
    EXPECT_EQ(problems_of(example, "manual"), "none");
}

TEST(Manual, its_example_of_a_problem_matches_that_mistake) {
    auto text = manual();
    const auto begin = text.find("```toml\n") + 8;
    auto example = text.substr(begin, text.find("```", begin) - begin);
    const auto weight = example.find("weight = 1");
    ASSERT_NE(weight, std::string::npos);
    example.replace(weight, 10, "weight = 300");
    const auto problem = problems_of(example, "ballast.toml");
    EXPECT_TRUE(text.contains("```text\n" + problem + "```")) << problem;
}

TEST(Manual, the_page_in_docs_is_the_current_one) {
    EXPECT_TRUE(content_of(repository / "docs/configuration.md") == manual())
        << "write it anew: ballast manual > docs/configuration.md";
}

TEST(Examples, all_load) {
    int examples = 0;
    for (const auto& entry : std::filesystem::directory_iterator(repository / "examples")) {
        if (entry.path().extension() != ".toml") continue;
        ++examples;
        const auto name = entry.path().filename().string();
        EXPECT_EQ(problems_of(content_of(entry.path()), name), "none");
    }
    EXPECT_GE(examples, 5);
}

}  // namespace
}  // namespace ballast::config
