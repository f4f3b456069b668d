// SPDX-License-Identifier: Apache-2.0
#include "cli/moment.h"

#include <cstdlib>
#include <ctime>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

namespace ballast::cli {
namespace {

using namespace std::chrono;

TEST(Moment, is_read_as_the_daemon_writes_it) {
    const Moment expected = sys_days(2026y / November / 29) + 23h + 5min + 7s + 123ms;
    EXPECT_EQ(moment_of("2026-11-29T23:05:07.123Z"), expected);
    EXPECT_EQ(moment_of("2026-11-29T23:05:07Z"), expected - 123ms);
    for (const auto* const text :
         {"", "2026", "2026-11-29", "2026-13-29T23:05:07Z", "2026-02-30T23:05:07Z",
          "2026-11-29T23:05:07", "2026-11-29T23:05:07.1Z", "2026-11-29T23:05:07.123Zx",
          "2026-11-29 23:05:07Z", "-026-11-29T23:05:07Z", "2026-11-29T23:05:0xZ"})
        EXPECT_FALSE(moment_of(text)) << text;
}

TEST(Moment, has_an_age) {
    const Moment now = sys_days(2026y / November / 30);
    EXPECT_EQ(age_text("2026-11-29T23:05:07.123Z", now), "54m52s");
    EXPECT_EQ(age_text("2026-11-30T00:00:09Z", now), "0s");  // clocks may step
    EXPECT_EQ(age_text("", now), "");
}

TEST(Moment, is_meant_by_what_people_say) {
    ::setenv("TZ", "UTC-1", 1);  // an hour before UTC
    ::tzset();
    const auto now = moment_of("2026-11-30T13:10:00.000Z").value();
    for (const auto& [said, meant] : std::vector<std::pair<const char*, const char*>>{
             {"14:03", "2026-11-30T13:03:00.000Z"},
             {"14:03:07", "2026-11-30T13:03:07.000Z"},
             {"0:00", "2026-11-29T23:00:00.000Z"},
             {"23:59", "2026-11-29T22:59:00.000Z"},  // it is not that late yet
             {"2026-11-28 23:59", "2026-11-28T22:59:00.000Z"},
             {"2026-11-28", "2026-11-27T23:00:00.000Z"},
             {"90s", "2026-11-30T13:08:30.000Z"},
             {"15m", "2026-11-30T12:55:00.000Z"},
             {"2h", "2026-11-30T11:10:00.000Z"},
             {"3d", "2026-11-27T13:10:00.000Z"}})
        EXPECT_EQ(moment_meant(said, now), moment_of(meant)) << said;
    for (const auto* const text : {"", "m", "now", "14", "14:3x", "25:00", "-5m", "1w",
                                   "2026-11-30T13:08:30.000Z", "1796000000"})
        EXPECT_FALSE(moment_meant(text, now)) << text;
    ::unsetenv("TZ");
    ::tzset();
}

}  // namespace
}  // namespace ballast::cli
