// SPDX-License-Identifier: Apache-2.0
#include "metrics/transfers.h"

#include <gtest/gtest.h>
#include <numeric>

namespace ballast::metrics {
namespace {

using namespace std::chrono_literals;

std::uint64_t count_of(const Histogram& histogram) {
    const auto reading = histogram.read();
    return std::accumulate(reading.counts.begin(), reading.counts.end(), std::uint64_t{0});
}

TEST(Transfers, are_counted_by_direction_and_result_with_size_time_and_rate) {
    Transfers transfers;
    transfers.add(Direction::upload, Result::whole, 10'000'000, 2s);
    EXPECT_EQ(transfers.counts().of(Direction::upload, Result::whole), 1U);
    EXPECT_EQ(transfers.counts().of(Direction::download, Result::whole), 0U);
    EXPECT_EQ(transfers.counts().of(Direction::upload, Result::failed), 0U);
    EXPECT_EQ(transfers.sizes(Direction::upload).read().sum, 10'000'000);
    EXPECT_EQ(transfers.times(Direction::upload).read().sum, 2);
    EXPECT_EQ(transfers.rates(Direction::upload).read().sum, 5'000'000);
    EXPECT_EQ(count_of(transfers.sizes(Direction::download)), 0U);
}

TEST(Transfers, that_were_refused_moved_nothing) {
    Transfers transfers;
    transfers.add(Direction::download, Result::refused, 0, 1s);
    EXPECT_EQ(transfers.counts().of(Direction::download, Result::refused), 1U);
    EXPECT_EQ(count_of(transfers.sizes(Direction::download)), 0U);
    EXPECT_EQ(count_of(transfers.times(Direction::download)), 0U);
}

TEST(Transfers, without_a_byte_or_time_have_no_rate) {
    Transfers transfers;
    transfers.add(Direction::download, Result::whole, 0, 1s);
    transfers.add(Direction::download, Result::whole, 10, 0s);
    EXPECT_EQ(count_of(transfers.sizes(Direction::download)), 2U);
    EXPECT_EQ(count_of(transfers.rates(Direction::download)), 0U);
}

}  // namespace
}  // namespace ballast::metrics
