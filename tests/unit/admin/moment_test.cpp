// SPDX-License-Identifier: Apache-2.0
#include "admin/moment.h"

#include <gtest/gtest.h>

namespace ballast::admin {
namespace {

TEST(Moment, is_read_in_the_forms_of_rfc_3339) {
    const auto text = [](std::string_view from) {
        const auto moment = moment_from(from);
        return moment ? to_text(*moment) : std::string("none");
    };
    EXPECT_EQ(text("2026-11-29T14:03:00Z"), "2026-11-29T14:03:00.000Z");
    EXPECT_EQ(text("2026-11-29 14:03:00z"), "2026-11-29T14:03:00.000Z");
    EXPECT_EQ(text("2026-11-29T14:03:00.25Z"), "2026-11-29T14:03:00.250Z");
    EXPECT_EQ(text("2026-11-29T14:03:00.123456789Z"), "2026-11-29T14:03:00.123Z");
    EXPECT_EQ(text("2026-11-29T14:03:00+01:30"), "2026-11-29T12:33:00.000Z");
    EXPECT_EQ(text("2026-11-29T14:03:00-08:00"), "2026-11-29T22:03:00.000Z");
    EXPECT_EQ(text("2024-02-29T00:00:00Z"), "2024-02-29T00:00:00.000Z");
    EXPECT_EQ(text("1764425000"), "2025-11-29T14:03:20.000Z");
}

TEST(Moment, is_nothing_else) {
    for (const auto* const text :
         {"", "yesterday", "2026-11-29", "2026-11-29T14:03:00", "2026-11-29T14:03Z",
          "2026-13-29T14:03:00Z", "2026-02-29T14:03:00Z", "2026-11-29T24:03:00Z",
          "2026-11-29T14:60:00Z", "2026-11-29T14:03:00.Z", "2026-11-29T14:03:00Zx",
          "2026-11-29T14:03:00+1:00", "-1", "99999999999999", "+2026-11-29T14:03:00Z"})
        EXPECT_FALSE(moment_from(text)) << text;
}

}  // namespace
}  // namespace ballast::admin
