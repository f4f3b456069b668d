// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
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
    /// Of what was reserved, so much was not moved and will not be.
    void give_back(std::size_t bytes);

private:
    /// What moving so much takes, in seconds. With the lock held.
    [[nodiscard]] std::chrono::duration<double> time_for(std::size_t bytes) const;

    mutable std::mutex mutex_;
    double bytes_per_second_ = 1;
    Time free_at_;  // all that was reserved is moved by then
};

/// What one transfer may move: as much as each bandwidth that it is part of lets it. A copy is
/// another sharer. Begins with small turns, so that small files stand in nobody's way; what it has
/// not used it gives back at its end. Belongs to one thread.
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

        /// When the next turn is; it has come already if there is credit.
        [[nodiscard]] Time reserve(Time now);
        [[nodiscard]] std::size_t credit() const { return credit_; }
        void spend(std::size_t bytes) { credit_ -= bytes; }

    private:
        std::shared_ptr<Bandwidth> bandwidth_;
        std::size_t turn_ = 0;    ///< how long the last one was
        std::size_t credit_ = 0;  ///< what is left of it
    };
    std::vector<Share> shares_;
    Time next_;  // when the last turn of all of them has come
};

}  // namespace ballast::guard
