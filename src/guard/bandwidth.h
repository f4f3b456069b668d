// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace ballast::guard {

/// So many bytes a second for all who share it. Each comes for a quantum, is told when its turn is,
/// and comes again only when it has used it: whoever has bytes to move gets as much as the others,
/// and who has none leaves the whole rate to them. Any thread may call.
class Bandwidth {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit Bandwidth(std::size_t bytes_per_second) { set_rate(bytes_per_second); }

    /// At least 1; for turns from now on.
    void set_rate(std::size_t bytes_per_second);
    /// How many bytes are best asked for at once.
    [[nodiscard]] std::size_t quantum() const;
    /// When `bytes` more may be moved. They count as moved then.
    [[nodiscard]] Time reserve(std::size_t bytes, Time now);

private:
    mutable std::mutex mutex_;
    double bytes_per_second_ = 1;
    Time free_at_;  // all that was reserved is moved by then
};

/// What one transfer may move: as much as each bandwidth that it is part of lets it. Belongs to one
/// thread.
class Throttle {
public:
    using Time = Bandwidth::Time;

    Throttle() = default;  ///< no limit
    explicit Throttle(std::vector<std::shared_ptr<Bandwidth>> bandwidths);

    [[nodiscard]] bool is_limited() const { return !shares_.empty(); }
    /// How many bytes may be moved now; 0: none before `next()`.
    [[nodiscard]] std::size_t allowance(Time now);
    [[nodiscard]] Time next() const { return next_; }
    /// At most the allowance.
    void spend(std::size_t bytes);

private:
    struct Share {
        std::shared_ptr<Bandwidth> bandwidth;
        std::size_t credit = 0;  ///< of its last turn
    };
    std::vector<Share> shares_;
    Time next_;  // when the last turn of all of them has come
};

}  // namespace ballast::guard
