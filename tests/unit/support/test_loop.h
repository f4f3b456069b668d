// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace ballast::support {

/// A loop with its own clock, which advances only when nothing else can run. Hours pass in a
/// moment, and a test takes the same turns each time. A test that spins ends with an exception.
class TestLoop final : public loop::Loop {
public:
    using Duration = std::chrono::steady_clock::duration;

    [[nodiscard]] loop::Time now() const override { return now_; }
    void post(std::move_only_function<void()> work) override;

    /// Runs everything that can run now; the clock stands still.
    void settle();
    /// Lets this much time pass and runs everything that becomes due.
    void run_for(Duration duration);
    /// The process was stopped for so long: the clock has moved, and nothing has run.
    void stand_still_for(Duration duration) { now_ += duration; }
    /// Runs until `done` is true, advancing the clock as needed but not beyond the limit. False if
    /// it never was.
    [[nodiscard]] bool run_until(const std::function<bool()>& done,
                                 Duration limit = std::chrono::hours(2));

    /// The earliest deadline of any wait.
    [[nodiscard]] loop::Deadline next() const { return next_deadline(); }
    /// How many turns have run so far.
    [[nodiscard]] std::uint64_t turns() const { return turns_; }
    /// Whether anything could run without the clock moving.
    [[nodiscard]] bool is_quiet() const { return !has_raised() && posted_.empty(); }

private:
    void turn();

    static constexpr std::size_t turns_max = 2'000'000;  // without the clock moving

    loop::Time now_{std::chrono::hours(1000)};
    std::vector<std::move_only_function<void()>> posted_;
    std::uint64_t turns_ = 0;
};

}  // namespace ballast::support
