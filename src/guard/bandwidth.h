// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ballast::guard {

/// A rate in bytes per second that several transfers share. Each transfer reserves a quantum,
/// learns when its turn is, and reserves again only after it has used that quantum. So all
/// transfers with bytes to move get the same share, and idle ones take nothing. Any thread may
/// call.
class Bandwidth {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit Bandwidth(std::size_t bytes_per_second) { set_rate(bytes_per_second); }

    /// At least 1. Applies to turns from now on.
    void set_rate(std::size_t bytes_per_second);
    /// How many bytes to reserve at once.
    [[nodiscard]] std::size_t quantum() const;
    /// Returns when `bytes` more may be moved, and counts them as moved.
    [[nodiscard]] Time reserve(std::size_t bytes, Time now);
    /// Returns reserved bytes that will not be moved.
    void give_back(std::size_t bytes);

private:
    /// How many seconds these bytes take. Call with the lock held.
    [[nodiscard]] std::chrono::duration<double> time_for(std::size_t bytes) const;

    mutable std::mutex mutex_;
    double bytes_per_second_ = 1;
    Time free_at_;  // when all reserved bytes are moved
};

/// What one transfer may move: as much as each of its bandwidths allows. A copy takes its own
/// share. The first turns are small, so that small files delay nobody. The destructor returns
/// unused bytes. Belongs to one thread.
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
    class Share {
    public:
        explicit Share(std::shared_ptr<Bandwidth> bandwidth) : bandwidth_(std::move(bandwidth)) {}
        ~Share();
        Share(const Share& other) : Share(other.bandwidth_) {}
        Share(Share&& other) noexcept
            : bandwidth_(std::move(other.bandwidth_)),
              turn_(other.turn_),
              credit_(std::exchange(other.credit_, 0)) {}
        Share& operator=(Share other) noexcept {
            std::swap(bandwidth_, other.bandwidth_);
            std::swap(turn_, other.turn_);
            std::swap(credit_, other.credit_);
            return *this;
        }

        /// When the next turn is: now, if there is credit.
        [[nodiscard]] Time reserve(Time now);
        [[nodiscard]] std::size_t credit() const { return credit_; }
        void spend(std::size_t bytes) { credit_ -= bytes; }

    private:
        std::shared_ptr<Bandwidth> bandwidth_;
        std::size_t turn_ = 0;    ///< bytes of the last turn
        std::size_t credit_ = 0;  ///< unused bytes of it
    };
    std::vector<Share> shares_;
    Time next_;  // when the turns of all shares have come
};

}  // namespace ballast::guard
