// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <memory>
#include <vector>

namespace ballast::simulation {

/// Several machines on one thread. Each has a loop whose clock shows another time; they run
/// together, and time passes only when none of them can do anything.
class Clocks {
public:
    Clocks();
    ~Clocks();
    Clocks(const Clocks&) = delete;
    Clocks& operator=(const Clocks&) = delete;

    /// Its clock is ahead of the true time by so much.
    [[nodiscard]] loop::Loop& add(loop::Time::duration ahead);
    void run_for(loop::Time::duration duration);
    /// The true time.
    [[nodiscard]] loop::Time now() const { return now_; }

private:
    class Clock;
    void settle();

    loop::Time now_{std::chrono::hours(10'000)};
    std::vector<std::unique_ptr<Clock>> all_;
};

}  // namespace ballast::simulation
