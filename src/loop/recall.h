// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <atomic>
#include <memory>
#include <utility>

namespace ballast::loop {

/// A request to give back a loan. Shared by the holder and by those who may ask for it.
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
    /// On the holder's thread, before its signal is destroyed.
    void leave() { signal_ = nullptr; }

private:
    Loop& loop_;
    Signal* signal_;  // touched by the holder's thread only; null after it left
    std::atomic<bool> is_called_ = false;
};

/// The holder's end of a recall. Destroy it on the holder's thread, before the signal.
class Recallable {
public:
    Recallable() = default;
    explicit Recallable(Signal& wake) : recall_(std::make_shared<Recall>(wake)) {}
    Recallable(Recallable&& other) noexcept : recall_(std::exchange(other.recall_, nullptr)) {}
    Recallable& operator=(Recallable&& other) noexcept {
        std::swap(recall_, other.recall_);
        return *this;
    }
    ~Recallable() {
        if (recall_) recall_->leave();
    }
    Recallable(const Recallable&) = delete;
    Recallable& operator=(const Recallable&) = delete;

    [[nodiscard]] explicit operator bool() const { return recall_ != nullptr; }
    [[nodiscard]] bool is_called() const { return recall_ && recall_->is_called(); }
    /// For those that may ask for the loan.
    [[nodiscard]] const std::shared_ptr<Recall>& recall() const { return recall_; }

private:
    std::shared_ptr<Recall> recall_;
};

}  // namespace ballast::loop
