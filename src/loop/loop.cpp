// SPDX-License-Identifier: Apache-2.0
#include "loop/loop.h"

#include <cassert>
#include <utility>

namespace ballast::loop {

void Loop::place(std::size_t index, Signal* signal) {
    waits_[index] = signal;
    signal->heap_index_ = index;
}

void Loop::sift_up(std::size_t index) {
    Signal* const moving = waits_[index];
    while (index > 0) {
        const std::size_t parent = (index - 1) / 2;
        if (waits_[parent]->deadline_ <= moving->deadline_) break;
        place(index, waits_[parent]);
        index = parent;
    }
    place(index, moving);
}

void Loop::sift_down(std::size_t index) {
    Signal* const moving = waits_[index];
    for (;;) {
        std::size_t child = 2 * index + 1;
        if (child >= waits_.size()) break;
        if (child + 1 < waits_.size() && waits_[child + 1]->deadline_ < waits_[child]->deadline_)
            ++child;
        if (moving->deadline_ <= waits_[child]->deadline_) break;
        place(index, waits_[child]);
        index = child;
    }
    place(index, moving);
}

void Loop::arm(Signal& signal, Deadline deadline) {
    signal.deadline_ = deadline;
    if (deadline == never) return;
    waits_.push_back(&signal);
    sift_up(waits_.size() - 1);
}

void Loop::disarm(Signal& signal) {
    if (signal.heap_index_ == Signal::nowhere) return;
    const std::size_t index = std::exchange(signal.heap_index_, Signal::nowhere);
    Signal* const last = waits_.back();
    waits_.pop_back();
    if (last == &signal) return;
    place(index, last);
    sift_up(index);
    sift_down(last->heap_index_);
}

Time Loop::next_deadline() const { return waits_.empty() ? never : waits_.front()->deadline_; }

void Loop::expire(Time now) {
    while (!waits_.empty() && waits_.front()->deadline_ <= now) {
        Signal& signal = *waits_.front();
        disarm(signal);
        add_raised(signal);  // without setting is_raised_: the wait returns false
    }
}

void Loop::add_raised(Signal& signal) {
    if (signal.raised_in_ != nullptr) return;
    signal.raised_in_ = &raised_;
    signal.raised_index_ = raised_.size();
    raised_.push_back(&signal);
}

void Loop::remove_raised(Signal& signal) {
    if (signal.raised_in_ == nullptr) return;
    (*signal.raised_in_)[signal.raised_index_] = nullptr;
    signal.raised_in_ = nullptr;
}

void Loop::resume_raised() {
    assert(resuming_.empty());
    std::swap(raised_, resuming_);
    for (Signal* signal : resuming_)
        if (signal != nullptr) signal->raised_in_ = &resuming_;
    // By index: a resumed coroutine may destroy signals further on, which leaves nulls.
    for (std::size_t i = 0; i < resuming_.size(); ++i) {
        Signal* const signal = resuming_[i];
        if (signal == nullptr) continue;
        signal->raised_in_ = nullptr;
        if (signal->waiter_) std::exchange(signal->waiter_, {}).resume();
    }
    resuming_.clear();
}

Signal::~Signal() {
    assert(!waiter_);
    loop_.disarm(*this);
    loop_.remove_raised(*this);
}

void Signal::raise() {
    is_raised_ = true;
    if (waiter_) loop_.add_raised(*this);
}

void Signal::Wait::await_suspend(std::coroutine_handle<> handle) {
    assert(!signal_.waiter_);
    signal_.waiter_ = handle;
    waiting_ = true;
    // A signal that is already raised goes through the loop too. Otherwise a peer that sends
    // without pause would starve the others.
    if (signal_.is_raised_)
        signal_.loop_.add_raised(signal_);
    else
        signal_.loop_.arm(signal_, deadline_);
}

bool Signal::Wait::await_resume() {
    waiting_ = false;
    signal_.loop_.disarm(signal_);
    return std::exchange(signal_.is_raised_, false);
}

Signal::Wait::~Wait() {
    if (!waiting_) return;
    signal_.waiter_ = {};
    signal_.loop_.disarm(signal_);
    signal_.loop_.remove_raised(signal_);
}

}  // namespace ballast::loop
