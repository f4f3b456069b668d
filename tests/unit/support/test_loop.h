// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace ballast::support {

/// A loop with a clock of its own, which moves only when nothing else can: hours pass in a moment,
/// and the same test takes the same turns each time. A test that spins ends with an exception.
class TestLoop final : public loop::Loop {
public:
    using Duration = std::chrono::steady_clock::duration;

    [[nodiscard]] loop::Time now() const override { return now_; }
    void post(std::move_only_function<void()> work) override;

    /// Runs what can run now; the clock stands still.
    void settle();
    /// Lets so much time pass, and runs everything that falls due.
    void run_for(Duration duration);
    /// Runs until `done` holds, moving the clock as far as needed but not beyond the limit. False
    /// if it never held.
    [[nodiscard]] bool run_until(const std::function<bool()>& done,
                                 Duration limit = std::chrono::hours(2));

    /// The earliest moment that anything waits for.
    [[nodiscard]] loop::Deadline next() const { return next_deadline(); }
    /// How often something has run so far.
    [[nodiscard]] std::uint64_t turns() const { return turns_; }
    /// Whether anything could run without the clock moving.
    [[nodiscard]] bool is_quiet() const { return !raised_ && posted_.empty(); }

private:
    void turn();
    void earliest_changed(loop::Time /*earliest*/) override {}
    void raised() override { raised_ = true; }

    static constexpr std::size_t turns_max = 2'000'000;  // without the clock moving

    loop::Time now_{std::chrono::hours(1000)};
    std::vector<std::move_only_function<void()>> posted_;
    bool raised_ = false;
    std::uint64_t turns_ = 0;
};

}  // namespace ballast::support
