// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <atomic>
#include <memory>

namespace ballast::loop {

/// A request to give back what is on loan. Shared by the holder and those that may ask.
class Recall {
public:
    /// `wake` is raised, on its own thread, when the loan is recalled.
    explicit Recall(Signal& wake) : loop_(wake.loop()), signal_(&wake) {}

    /// From any thread.
    static void call(const std::shared_ptr<Recall>& recall) {
        recall->is_called_ = true;
        recall->loop_.post([recall] {
            if (recall->signal_ != nullptr) recall->signal_->raise();
        });
    }
    [[nodiscard]] bool is_called() const { return is_called_; }
    /// The holder's thread, before its signal ends.
    void leave() { signal_ = nullptr; }

private:
    Loop& loop_;
    Signal* signal_;  // touched by the holder's thread only; null after it left
    std::atomic<bool> is_called_ = false;
};

}  // namespace ballast::loop
