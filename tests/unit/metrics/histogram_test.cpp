// SPDX-License-Identifier: Apache-2.0
#include "metrics/histogram.h"

#include <gtest/gtest.h>
#include <numeric>
#include <thread>
#include <vector>

namespace ballast::metrics {
namespace {

using namespace std::chrono_literals;

std::uint64_t count_of(const Histogram::Reading& reading) {
    return std::accumulate(reading.counts.begin(), reading.counts.end(), std::uint64_t{0});
}

TEST(Histogram, counts_a_number_in_the_first_bucket_whose_bound_it_does_not_exceed) {
    constexpr auto bounds = std::to_array<std::uint64_t>({10, 20, 30});
    const Scale scale{bounds, 1};
    Histogram histogram(scale);
    for (const std::uint64_t value : {0UL, 10UL, 11UL, 20UL, 30UL, 31UL, 1'000'000UL})
        histogram.observe(value);
    const auto reading = histogram.read();
    EXPECT_EQ(reading.counts, (std::vector<std::uint64_t>{2, 2, 1, 2}));
    EXPECT_EQ(reading.sum, 1'000'102);
}

TEST(Histogram, of_times_shows_seconds) {
    Histogram histogram(latency_scale);
    histogram.observe(250us);
    histogram.observe(1500ms);
    histogram.observe(-1s);
    const auto reading = histogram.read();
    EXPECT_EQ(reading.bounds.front(), 0.00025);
    EXPECT_EQ(reading.bounds.back(), 30);
    EXPECT_EQ(reading.counts.front(), 2U) << "a clock that went back counts as no time";
    EXPECT_EQ(count_of(reading), 3U);
    EXPECT_DOUBLE_EQ(reading.sum, 1.50025);
}

TEST(Histogram, scales_ascend_and_fit) {
    for (const auto* const scale : {&latency_scale, &duration_scale, &size_scale, &rate_scale}) {
        EXPECT_LE(scale->bounds.size(), Histogram::bounds_max);
        for (std::size_t i = 1; i < scale->bounds.size(); ++i)
            EXPECT_LT(scale->bounds[i - 1], scale->bounds[i]);
    }
}

TEST(Histogram, loses_nothing_when_many_threads_add) {
    Histogram histogram(size_scale);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (std::uint64_t k = 0; k < 10'000; ++k) histogram.observe(k);
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(count_of(histogram.read()), 40'000U);
    EXPECT_EQ(histogram.read().sum, 4.0 * 9'999 * 10'000 / 2);
}

}  // namespace
}  // namespace ballast::metrics
