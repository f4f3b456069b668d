// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::health {

/// What one probe found, for operators.
struct ProbeRecord {
    struct Step {
        std::string_view name;  ///< "connect": with the greeting and TLS; "login", "list", ...
        loop::Time::duration took;
    };
    std::chrono::system_clock::time_point at;  ///< its end
    loop::Time::duration took;
    std::string problem;      ///< empty: it passed
    std::vector<Step> steps;  ///< those that were done
};

/// Times the steps of a probe.
class StepTimes {
public:
    void begin(loop::Time now) {
        steps_.clear();
        since_ = now;
    }
    void done(std::string_view step, loop::Time now) {
        steps_.push_back({step, now - std::exchange(since_, now)});
    }
    [[nodiscard]] const std::vector<ProbeRecord::Step>& steps() const { return steps_; }

private:
    std::vector<ProbeRecord::Step> steps_;
    loop::Time since_{};
};

}  // namespace ballast::health
