// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metrics/histogram.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ballast::metrics {

enum class Direction : std::uint8_t {
    download,
    upload,
    unknown,  ///< of a command that is not in the table of verbs
};
inline constexpr auto all_directions =
    std::to_array({Direction::download, Direction::upload, Direction::unknown});
[[nodiscard]] std::string_view to_string(Direction direction);

enum class Result : std::uint8_t { whole, failed, aborted, refused };
inline constexpr auto all_results =
    std::to_array({Result::whole, Result::failed, Result::aborted, Result::refused});
[[nodiscard]] std::string_view to_string(Result result);

/// Ended transfers by direction and result. Any thread may add and read.
class TransferCounts {
public:
    void add(Direction direction, Result result) {
        place(direction, result).fetch_add(1, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t of(Direction direction, Result result) const {
        return counts_[index(direction, result)].load(std::memory_order_relaxed);
    }

private:
    static constexpr std::size_t index(Direction direction, Result result) {
        return static_cast<std::size_t>(direction) * all_results.size() +
               static_cast<std::size_t>(result);
    }
    std::atomic<std::uint64_t>& place(Direction direction, Result result) {
        return counts_[index(direction, result)];
    }
    std::array<std::atomic<std::uint64_t>, all_directions.size() * all_results.size()> counts_{};
};

/// The ended transfers of this process.
class Transfers {
public:
    /// `bytes` are those delivered. Refused transfers count, but have no size, time or rate; those
    /// without a byte have no rate. Any thread.
    void add(Direction direction, Result result, std::uint64_t bytes,
             std::chrono::steady_clock::duration time);

    /// How long a download had no byte because it went on with another backend. Any thread.
    void add_pause(std::chrono::steady_clock::duration time) { pauses_.observe(time); }
    [[nodiscard]] const Histogram& pauses() const { return pauses_; }

    [[nodiscard]] const TransferCounts& counts() const { return counts_; }
    [[nodiscard]] const Histogram& sizes(Direction direction) const { return of(direction).size; }
    [[nodiscard]] const Histogram& times(Direction direction) const { return of(direction).time; }
    [[nodiscard]] const Histogram& rates(Direction direction) const { return of(direction).rate; }

private:
    struct Moved {
        Histogram size{size_scale};
        Histogram time{duration_scale};
        Histogram rate{rate_scale};
    };
    [[nodiscard]] const Moved& of(Direction direction) const {
        return moved_[static_cast<std::size_t>(direction)];
    }

    TransferCounts counts_;
    Histogram pauses_{latency_scale};
    std::array<Moved, all_directions.size()> moved_;
};
/// The one of this process.
[[nodiscard]] Transfers& transfers();

}  // namespace ballast::metrics
