// SPDX-License-Identifier: Apache-2.0
#include "support/test_loop.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace ballast::support {

void TestLoop::post(std::move_only_function<void()> work) { posted_.push_back(std::move(work)); }

void TestLoop::turn() {
    ++turns_;
    for (auto& work : std::exchange(posted_, {})) work();
    resume_raised();
}

void TestLoop::settle() {
    expire(now_);
    for (std::size_t turns = 0; !is_quiet(); ++turns) {
        if (turns == turns_max) throw std::runtime_error("the loop spins");
        turn();
        expire(now_);
    }
}

void TestLoop::run_for(Duration duration) {
    const auto until = now_ + duration;
    settle();
    while (next_deadline() <= until) {
        now_ = std::max(now_, next_deadline());
        settle();
    }
    now_ = until;
}

bool TestLoop::run_until(const std::function<bool()>& done, Duration limit) {
    const auto until = now_ + limit;
    for (std::size_t turns = 0; !done(); ++turns) {
        if (turns == turns_max) throw std::runtime_error("the loop spins");
        expire(now_);
        if (!is_quiet()) {
            turn();
        } else if (next_deadline() <= until) {
            now_ = std::max(now_, next_deadline());
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace ballast::support
