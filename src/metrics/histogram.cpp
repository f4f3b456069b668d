// SPDX-License-Identifier: Apache-2.0
#include "metrics/histogram.h"

#include <algorithm>
#include <cassert>

namespace ballast::metrics {

namespace {

constexpr std::uint64_t ms = 1000;  // in microseconds
constexpr std::uint64_t s = 1000 * ms;
constexpr std::uint64_t minute = 60 * s;
constexpr std::uint64_t hour = 60 * minute;
constexpr std::uint64_t kb = 1000;
constexpr std::uint64_t mb = 1000 * kb;
constexpr std::uint64_t gb = 1000 * mb;

constexpr auto latency_bounds = std::to_array<std::uint64_t>(
    {ms / 4, ms, 5 * ms / 2, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms, s,
     5 * s / 2, 5 * s, 10 * s, 30 * s});
constexpr auto duration_bounds =
    std::to_array<std::uint64_t>({ms, 10 * ms, 100 * ms, s, 5 * s, 15 * s, minute, 5 * minute,
                                  15 * minute, hour, 4 * hour, 12 * hour, 24 * hour});
constexpr auto size_bounds = std::to_array<std::uint64_t>(
    {kb, 10 * kb, 100 * kb, mb, 10 * mb, 100 * mb, gb, 10 * gb, 100 * gb, 1000 * gb});
constexpr auto rate_bounds =
    std::to_array<std::uint64_t>({kb, 10 * kb, 100 * kb, 500 * kb, mb, 5 * mb, 10 * mb, 25 * mb,
                                  50 * mb, 100 * mb, 250 * mb, 500 * mb, gb, 10 * gb});

static_assert(latency_bounds.size() <= Histogram::bounds_max);
static_assert(duration_bounds.size() <= Histogram::bounds_max);
static_assert(size_bounds.size() <= Histogram::bounds_max);
static_assert(rate_bounds.size() <= Histogram::bounds_max);

}  // namespace

constinit const Scale latency_scale{latency_bounds, 1e6};
constinit const Scale duration_scale{duration_bounds, 1e6};
constinit const Scale size_scale{size_bounds, 1};
constinit const Scale rate_scale{rate_bounds, 1};

void Histogram::observe(std::uint64_t value) {
    const auto& bounds = scale_->bounds;
    std::size_t bucket = 0;
    while (bucket < bounds.size() && value > bounds[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Reading Histogram::read() const {
    Reading reading;
    // A quotient of whole numbers is the double that is written like the decimal number.
    for (const auto bound : scale_->bounds)
        reading.bounds.push_back(static_cast<double>(bound) / scale_->per_unit);
    for (std::size_t i = 0; i <= scale_->bounds.size(); ++i)
        reading.counts.push_back(counts_[i].load(std::memory_order_relaxed));
    reading.sum = static_cast<double>(sum_.load(std::memory_order_relaxed)) / scale_->per_unit;
    return reading;
}

}  // namespace ballast::metrics
