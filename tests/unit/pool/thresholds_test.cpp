// SPDX-License-Identifier: Apache-2.0
#include "pool/thresholds.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::pool {
namespace {

/// Answers as '+' and '-', and the state after each: 'u'p, 'd'own.
struct Row {
    std::uint32_t rise;
    std::uint32_t fall;
    const char* answers;
    const char* states;
};

constexpr Row table[] = {
    {2, 3, "+", "u"},
    {2, 3, "-", "d"},  // the first answer of all decides alone
    {2, 3, "+--+---", "uuuuuud"},
    {2, 3, "+---+-++",
     "uuudddd"
     "u"},
    {2, 3, "-+-+-++", "ddddddu"},
    {1, 1, "+-+-", "udud"},
    {3, 1, "+-++-+++",
     "uddd"
     "dddu"},
    {1, 3, "---+", "dddu"},
};

TEST(Thresholds, bring_a_backend_up_and_down_after_a_number_of_results_in_a_row) {
    for (const auto& row : table) {
        Thresholds thresholds(row.rise, row.fall);
        EXPECT_EQ(thresholds.health(), Health::unknown);
        for (std::size_t i = 0; row.answers[i] != '\0'; ++i) {
            const auto before = thresholds.health();
            const bool changed =
                row.answers[i] == '+' ? thresholds.succeeded() : thresholds.failed();
            EXPECT_EQ(thresholds.health(), row.states[i] == 'u' ? Health::up : Health::down)
                << row.answers << " at " << i;
            EXPECT_EQ(changed, thresholds.health() != before) << row.answers << " at " << i;
        }
    }
}

}  // namespace
}  // namespace ballast::pool
