// SPDX-License-Identifier: Apache-2.0
// The page lists each fact of a story.
#include "session/fact.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace ballast::session {
namespace {

std::string table() {
    std::string text = "| what | sentence | fields |\n| --- | --- | --- |\n";
    for (const auto& row : all_facts()) {
        std::string sentence(row.sentence);
        std::erase_if(sentence, [](char c) { return c == '[' || c == ']'; });
        std::string fields;
        for (const auto& field : row.fields())
            fields += fmt::format("{}`{}`", fields.empty() ? "" : ", ", field.name);
        text += fmt::format("| `{}` | {} | {} |\n", row.name, sentence, fields);
    }
    return text;
}

TEST(FactDocs, have_the_table_of_facts) {
    std::ifstream file(SOURCE_ROOT "/docs/explain.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(page.contains(table())) << "docs/explain.md lacks this:\n" << table();
}

}  // namespace
}  // namespace ballast::session
