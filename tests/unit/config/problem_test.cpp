// SPDX-License-Identifier: Apache-2.0
#include "config/problem.h"

#include <gtest/gtest.h>

namespace ballast::config {
namespace {

TEST(Problem, a_warning_is_marked_where_editors_look_for_it) {
    EXPECT_EQ(to_string({{"log.file", 3, 8}, "it is odd", "change it"}, "f"),
              "f:3:8: log.file: it is odd (change it)");
    EXPECT_EQ(to_string({{"log.file", 3, 8}, "it is odd", "change it", Severity::warning}, "f"),
              "f:3:8: warning: log.file: it is odd (change it)");
    EXPECT_EQ(to_string({{"", 1, 1}, "it is odd", "change it", Severity::warning}, "f"),
              "f:1:1: warning: it is odd (change it)");
}

TEST(Problem, they_are_sorted_by_place_and_reported_once) {
    std::vector<Problem> problems = {
        {{"b", 2, 1}, "x", "y"}, {{"a", 2, 1}, "x", "y"}, {{"c", 1, 9}, "x", "y"},
        {{"a", 2, 1}, "x", "y"}, {{"a", 2, 1}, "w", "y"},
    };
    sort_by_place(problems);
    std::string order;
    for (const auto& problem : problems) order += problem.where.key + problem.what + ' ';
    EXPECT_EQ(order, "cx aw ax bx ");
}

TEST(Problem, warnings_are_not_errors) {
    const Problem error{{"a", 1, 1}, "x", "y"};
    const Problem warning{{"a", 1, 1}, "x", "y", Severity::warning};
    EXPECT_FALSE(has_errors({}));
    EXPECT_FALSE(has_errors({warning}));
    EXPECT_TRUE(has_errors({warning, error}));
    EXPECT_EQ(count_warnings({warning, error, warning}), 2U);
}

}  // namespace
}  // namespace ballast::config
