// SPDX-License-Identifier: Apache-2.0
#include "config/amount.h"

#include <gtest/gtest.h>

namespace ballast::config {
namespace {

TEST(Amount, reads_durations_with_their_unit) {
    EXPECT_EQ(parse_duration("500ms"), Duration(500));
    EXPECT_EQ(parse_duration("5s"), Duration(5'000));
    EXPECT_EQ(parse_duration("2m"), Duration(120'000));
    EXPECT_EQ(parse_duration("1h"), Duration(3'600'000));
    EXPECT_EQ(parse_duration("0s"), Duration(0));
    EXPECT_EQ(parse_duration("007s"), Duration(7'000));
}

TEST(Amount, reads_sizes_with_their_unit) {
    EXPECT_EQ(parse_size("8192B"), 8192U);
    EXPECT_EQ(parse_size("64KB"), 64'000U);
    EXPECT_EQ(parse_size("8KiB"), 8192U);
    EXPECT_EQ(parse_size("1MB"), 1'000'000U);
    EXPECT_EQ(parse_size("1MiB"), 1'048'576U);
    EXPECT_EQ(parse_size("2GB"), 2'000'000'000U);
    EXPECT_EQ(parse_size("2GiB"), 2'147'483'648U);
}

TEST(Amount, refuses_and_says_what_would_be_right) {
    struct Row {
        const char* text;
        const char* what;
        const char* fix;
    };
    const auto no_number = "write a whole number and a unit (ms, s, m or h), such as \"5s\"";
    const auto no_unit = "write a whole number and ms, s, m or h, as in \"5s\"";
    const Row durations[] = {
        {"", "'' is not a duration", no_number},
        {"soon", "'soon' is not a duration", no_number},
        {"-5s", "'-5s' is not a duration", no_number},
        {" 5s", "' 5s' is not a duration", no_number},
        {"5", "'5' has no unit", "add ms, s, m or h, as in \"5s\""},
        {"5sec", "'sec' is not a unit of a duration", no_unit},
        {"5 s", "' s' is not a unit of a duration", no_unit},
        {"1.5h", "'1.5h' is not a whole number",
         "write a whole number in a smaller unit (ms, s, m or h), as in \"90m\""},
        {"1,5h", "'1,5h' is not a whole number",
         "write a whole number in a smaller unit (ms, s, m or h), as in \"90m\""},
        {"1m30s", "'1m30s' is more than one number",
         "write one whole number and one unit (ms, s, m or h), as in \"90s\""},
        {"5S", "'S' is not a unit of a duration", no_unit},
        {"99999999999999999999s", "'99999999999999999999s' is too large", "use a smaller number"},
        {"4503599627370496h", "'4503599627370496h' is too large", "use a smaller number"},
    };
    for (const auto& row : durations) {
        const auto duration = parse_duration(row.text);
        ASSERT_FALSE(duration) << row.text;
        EXPECT_EQ(duration.error().what, row.what);
        EXPECT_EQ(duration.error().fix, row.fix);
    }
    const auto size = parse_size("8kb");
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().what, "'kb' is not a unit of a size");
    EXPECT_EQ(size.error().fix,
              "write a whole number and B, KB, KiB, MB, MiB, GB or GiB, as in \"8KiB\"");
}

TEST(Amount, a_fraction_of_a_size_is_refused_too) {
    const auto size = parse_size("1.5MiB");
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().what, "'1.5MiB' is not a whole number");
    EXPECT_EQ(size.error().fix,
              "write a whole number in a smaller unit (B, KB, KiB, MB, MiB, GB or GiB), as in "
              "\"1536KiB\"");
}

TEST(Amount, reads_rates_with_their_unit) {
    EXPECT_EQ(parse_rate("10/s"), 10.0);
    EXPECT_EQ(parse_rate("0.5/s"), 0.5);
    EXPECT_EQ(parse_rate("0.125/s"), 0.125);
    EXPECT_EQ(parse_rate("30/min"), 0.5);
    EXPECT_EQ(parse_rate("1.5/min"), 0.025);
    EXPECT_EQ(parse_rate("7200/h"), 2.0);
    EXPECT_EQ(parse_rate("0/s"), 0.0);
    EXPECT_EQ(parse_rate("off"), 0.0);
}

TEST(Amount, refuses_rates_and_says_what_would_be_right) {
    struct Row {
        const char* text;
        const char* what;
        const char* fix;
    };
    const auto no_number = "write a number and a unit (/s, /min or /h), such as \"10/s\"";
    const auto no_unit = "write a number and /s, /min or /h, as in \"10/s\"";
    const Row rates[] = {
        {"", "'' is not a rate", no_number},
        {"fast", "'fast' is not a rate", no_number},
        {"-5/s", "'-5/s' is not a rate", no_number},
        {".5/s", "'.5/s' is not a rate", no_number},
        {"10", "'10' has no unit", "add /s, /min or /h, as in \"10/s\""},
        {"0.5", "'0.5' has no unit", "add /s, /min or /h, as in \"10/s\""},
        {"10/m", "'/m' is not a unit of a rate", no_unit},
        {"10s", "'s' is not a unit of a rate", no_unit},
        {"10 /s", "' /s' is not a unit of a rate", no_unit},
        {"0,5/s", "'0,5/s' has a comma", "write a point before the decimals, as in \"0.5/s\""},
        {"0.0005/s", "'0.0005/s' has more than three decimals",
         "use fewer, or a longer unit (/min or /h)"},
        {"99999999999/s", "'99999999999/s' is too large", "use a smaller number"},
    };
    for (const auto& row : rates) {
        const auto rate = parse_rate(row.text);
        ASSERT_FALSE(rate) << row.text;
        EXPECT_EQ(rate.error().what, row.what);
        EXPECT_EQ(rate.error().fix, row.fix);
    }
}

TEST(Amount, a_rate_is_the_same_after_it_is_written_and_read) {
    EXPECT_EQ(rate_text(0), "off");
    EXPECT_EQ(rate_text(200), "200/s");
    EXPECT_EQ(rate_text(0.5), "0.5/s");
    for (const auto* const text : {"0.001/s", "99999.999/s", "1/min", "0.001/min", "7.77/min",
                                   "100000.001/min", "1/h", "0.001/h", "6000001.001/h"}) {
        const auto rate = parse_rate(text);
        ASSERT_TRUE(rate);
        EXPECT_EQ(rate_text(*rate), text);
    }
}

TEST(Amount, is_written_in_the_largest_unit_that_divides_it) {
    EXPECT_EQ(duration_text(Duration(0)), "0s");
    EXPECT_EQ(duration_text(Duration(1)), "1ms");
    EXPECT_EQ(duration_text(Duration(1'500)), "1500ms");
    EXPECT_EQ(duration_text(Duration(90'000)), "90s");
    EXPECT_EQ(duration_text(Duration(900'000)), "15m");
    EXPECT_EQ(duration_text(Duration(86'400'000)), "24h");
    EXPECT_EQ(size_text(0), "0B");
    EXPECT_EQ(size_text(512), "512B");
    EXPECT_EQ(size_text(8192), "8KiB");
    EXPECT_EQ(size_text(64'000), "64KB");
    EXPECT_EQ(size_text(1'048'576), "1MiB");
}

}  // namespace
}  // namespace ballast::config
