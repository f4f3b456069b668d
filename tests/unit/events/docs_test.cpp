// SPDX-License-Identifier: Apache-2.0
// The page lists each kind of event.
#include "events/kind.h"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace ballast::events {
namespace {

std::string table() {
    std::string text = "| kind | when | fields |\n| --- | --- | --- |\n";
    for (const auto& row : all_kinds()) {
        std::string fields;
        for (const auto name : row.fields())
            fields += fmt::format("{}`{}`", fields.empty() ? "" : ", ", name);
        text += fmt::format("| `{}` | {} | {} |\n", row.name, row.help, fields);
    }
    return text;
}

TEST(EventDocs, have_the_table_of_kinds) {
    std::ifstream file(SOURCE_ROOT "/docs/events.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(page.contains(table())) << "docs/events.md lacks this:\n" << table();
}

}  // namespace
}  // namespace ballast::events
