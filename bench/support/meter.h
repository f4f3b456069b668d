// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/results.h"
#include "support/target.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

namespace ballast::bench {

/// Time, and the target's processor time meanwhile, since construction.
class Meter {
public:
    using Clock = std::chrono::steady_clock;
    using Seconds = std::chrono::duration<double>;

    explicit Meter(const Target& target) : target_(target) {}

    [[nodiscard]] double seconds() const { return Seconds(Clock::now() - begin_).count(); }
    [[nodiscard]] double cpu_seconds() const { return (used() - used_before_).count(); }
    [[nodiscard]] bool has_cpu() const { return target_.process.has_value(); }

private:
    [[nodiscard]] Seconds used() const {
        return target_.process ? target_.process->cpu_time() : Seconds(0);
    }

    const Target& target_;
    Seconds used_before_ = used();
    Clock::time_point begin_ = Clock::now();
};

/// Clients that repeat short tasks.
inline constexpr std::size_t clients = 4;

/// Runs `work` `count` times in parallel, and rethrows an exception of one of them.
std::size_t sum_side_by_side(std::size_t count,
                             const std::function<std::size_t(std::size_t which)>& work);
/// How often `work` is done in one slice of time.
std::size_t repeat(const std::function<void()>& work);
/// All values of all lists.
[[nodiscard]] std::vector<double> joined(const std::vector<std::vector<double>>& parts);
/// Clients that repeat `work` in parallel for one slice of time. Returns how long each work took,
/// in microseconds.
std::vector<double> times_side_by_side(std::size_t count,
                                       const std::function<void(std::size_t which)>& work);
/// Tasks that several clients did in a slice of time, and what each task cost the balancer.
void add_rate(std::string_view what, std::string_view baseline, const Target& target,
              std::size_t times, const Meter& meter, Results& results);

}  // namespace ballast::bench
