// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ballast::metrics {

/// The upper bounds of a histogram's buckets, and what its numbers mean.
struct Scale {
    std::span<const std::uint64_t> bounds;  ///< ascending, at most `Histogram::bounds_max`
    double per_unit;  ///< so many make one of the unit that operators see: a million for seconds
};
extern const Scale latency_scale;   ///< microseconds, up to half a minute
extern const Scale duration_scale;  ///< microseconds, up to a day
extern const Scale size_scale;      ///< bytes, up to a terabyte
extern const Scale rate_scale;      ///< bytes per second, up to ten gigabytes

/// Counts how often numbers of which size occurred. Any thread may add and read; adding takes no
/// lock and no memory. A reading that runs beside it may miss the latest numbers.
class Histogram {
public:
    static constexpr std::size_t bounds_max = 16;

    /// The scale must live longer.
    explicit Histogram(const Scale& scale) : scale_(&scale) {}

    void observe(std::uint64_t value);
    /// For scales of microseconds.
    void observe(std::chrono::steady_clock::duration time) {
        const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
        observe(taken < 0 ? std::uint64_t{0} : static_cast<std::uint64_t>(taken));
    }

    struct Reading {
        std::vector<double> bounds;         ///< in the operator's unit
        std::vector<std::uint64_t> counts;  ///< up to each bound and above the one before; the last
                                            ///< is above all bounds
        double sum = 0;                     ///< in the operator's unit
    };
    [[nodiscard]] Reading read() const;

private:
    const Scale* scale_;
    std::array<std::atomic<std::uint64_t>, bounds_max + 1> counts_{};
    std::atomic<std::uint64_t> sum_ = 0;
};

}  // namespace ballast::metrics
