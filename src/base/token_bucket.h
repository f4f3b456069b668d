// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

namespace ballast::base {

/// Limits a rate per second. Unused tokens are saved for a second, or for the time given.
/// Arithmetic only: the caller passes the time. Not synchronized.
class TokenBucket {
public:
    using Time = std::chrono::steady_clock::time_point;

    using Seconds = std::chrono::duration<double>;

    /// `rate` is above 0.
    TokenBucket(double rate, Time now, Seconds saved_for = std::chrono::seconds(1))
        : rate_(rate), saved_for_(saved_for), tokens_(full()), at_(now) {}

    /// The tokens that are left stay, as far as the new rate allows.
    void set_rate(double rate, Time now) {
        fill(now);
        rate_ = rate;
        tokens_ = std::min(full(), tokens_);
    }
    /// Takes one; false if there is none.
    bool take(Time now) {
        fill(now);
        if (tokens_ < 1) return false;
        tokens_ -= 1;
        return true;
    }
    /// Returns tokens that were not needed.
    void give_back(double tokens, Time now) {
        fill(now);
        tokens_ = std::min(full(), tokens_ + tokens);
    }
    /// When the next token is available; with `behind` when there is one behind so many others.
    [[nodiscard]] Time next(Time now, double behind = 0) {
        fill(now);
        if (tokens_ >= 1 + behind) return now;
        const Seconds wait((1 + behind - tokens_) / rate_);
        // Rounded up, so that the token is there at that time.
        return now + std::chrono::ceil<Time::duration>(wait) + Time::duration(1);
    }
    [[nodiscard]] bool is_full(Time now) const { return tokens_at(now) >= full(); }

private:
    [[nodiscard]] double full() const { return std::max(1.0, rate_ * saved_for_.count()); }
    [[nodiscard]] double tokens_at(Time now) const {
        if (now <= at_) return tokens_;
        const Seconds passed = now - at_;
        return std::min(full(), tokens_ + passed.count() * rate_);
    }
    void fill(Time now) {
        tokens_ = tokens_at(now);
        at_ = std::max(at_, now);
    }

    double rate_;
    Seconds saved_for_;
    double tokens_;
    Time at_;
};

}  // namespace ballast::base
