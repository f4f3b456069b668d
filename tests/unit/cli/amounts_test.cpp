// SPDX-License-Identifier: Apache-2.0
#include "cli/amounts.h"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace ballast::cli {
namespace {

TEST(Amounts, bytes_have_the_unit_that_makes_them_short) {
    for (const auto& [bytes, text] :
         std::vector<std::pair<std::uint64_t, std::string>>{{0, "0 B"},
                                                            {1023, "1023 B"},
                                                            {1024, "1.0 KiB"},
                                                            {10'188, "9.9 KiB"},
                                                            {10'240, "10 KiB"},
                                                            {1'048'575, "1.0 MiB"},
                                                            {1'048'576, "1.0 MiB"},
                                                            {1ULL << 40, "1.0 TiB"},
                                                            {UINT64_MAX, "16384 PiB"}})
        EXPECT_EQ(bytes_text(bytes), text) << bytes;
    EXPECT_EQ(rate_text(-1), "0 B/s");
    EXPECT_EQ(rate_text(3.5 * 1024 * 1024), "3.5 MiB/s");
}

TEST(Amounts, spans_have_two_units) {
    for (const auto& [seconds, text] :
         std::vector<std::pair<std::int64_t, std::string>>{{-5, "0s"},
                                                           {0, "0s"},
                                                           {59, "59s"},
                                                           {60, "1m00s"},
                                                           {3599, "59m59s"},
                                                           {3600, "1h00m"},
                                                           {86'399, "23h59m"},
                                                           {90'000, "1d01h"},
                                                           {8'640'000, "100d00h"}})
        EXPECT_EQ(span_text(std::chrono::seconds(seconds)), text) << seconds;
}

}  // namespace
}  // namespace ballast::cli
