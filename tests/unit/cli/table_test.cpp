// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::cli {
namespace {

Table example() {
    Table table({{.heading = "NAME", .width_min = 6},
                 {.heading = "FILE", .width_min = 8, .cut = Side::front},
                 {.heading = "STATE"},
                 {.heading = "COUNT", .is_number = true}});
    table.add({{"files/f1"}, {"/pub/a/long/path.iso"}, {"up", Tint::good}, {"7"}});
    table.add({{"x"}, {"/y"}, {"down", Tint::bad}, {"12345"}});
    return table;
}

TEST(Table, is_as_wide_as_its_contents) {
    EXPECT_EQ(example().text({}),
              "NAME      FILE                  STATE  COUNT\n"
              "files/f1  /pub/a/long/path.iso  up         7\n"
              "x         /y                    down   12345\n");
}

TEST(Table, shrinks_the_widest_columns_on_a_terminal) {
    EXPECT_EQ(example().text({.columns = 40, .rows = 24}),
              "NAME      FILE              STATE  COUNT\n"
              "files/f1  …a/long/path.iso  up         7\n"
              "x         /y                down   12345\n");
}

TEST(Table, leaves_the_last_columns_out_if_there_is_no_room) {
    EXPECT_EQ(example().text({.columns = 18, .rows = 24}),
              "NAME    FILE\n"
              "files…  …ath.iso\n"
              "x       /y\n");
    for (std::size_t columns = 1; columns < 60; ++columns) {
        const auto text = example().text({.columns = columns, .rows = 24});
        for (std::size_t at = 0, end = 0; at < text.size(); at = end + 1) {
            end = text.find('\n', at);
            EXPECT_LE(width_of(text.substr(at, end - at)), columns) << text;
        }
    }
}

TEST(Table, has_colours_only_where_the_screen_has) {
    const auto text = example().text({.columns = 80, .rows = 24, .has_colors = true});
    EXPECT_TRUE(text.contains("\x1b[31mdown\x1b[0m ")) << text;
    EXPECT_FALSE(example().text({.columns = 80, .rows = 24}).contains('\x1b'));
}

TEST(Table, shows_names_of_peers_without_obeying_them) {
    Table table({{.heading = "NAME"}});
    table.add({{"\x1b]0;title\x07\nnew line"}});
    EXPECT_EQ(table.text({}), "NAME\n\\x1b]0;title\\x07\\x0anew line\n");
}

}  // namespace
}  // namespace ballast::cli
