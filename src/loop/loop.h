// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <vector>

namespace ballast::loop {

using Time = std::chrono::steady_clock::time_point;

/// The moment after which waiting is given up. A value that is passed down, so that a whole job
/// has one limit and not each of its steps.
using Deadline = Time;
inline constexpr Deadline never = Deadline::max();

/// The earlier of two.
[[nodiscard]] inline Deadline sooner(Deadline a, Deadline b) { return a < b ? a : b; }

class Signal;

/// The thread that coroutines run on, as they see it: the time, a way to wake up, and a mailbox.
/// A worker's loop waits for sockets too (`WorkerLoop`); a test's loop has a clock of its own and
/// runs hours in a moment. All but `post` belong to the loop's thread.
class Loop {
public:
    Loop() = default;
    virtual ~Loop() = default;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    [[nodiscard]] virtual Time now() const = 0;
    [[nodiscard]] Deadline after(std::chrono::steady_clock::duration delay) const {
        return now() + delay;
    }
    /// Runs `work` on this loop's thread, later. May be called from any thread.
    virtual void post(std::move_only_function<void()> work) = 0;

protected:
    /// Resumes every coroutine whose signal was raised before this call. True if more were raised
    /// meanwhile: they wait for the next turn, so that sockets get theirs.
    bool resume_raised();
    /// Wakes the waits whose deadline is not after `now`.
    void expire(Time now);
    /// `never` if nothing waits for a moment.
    [[nodiscard]] Time next_deadline() const;
    /// Called when a wait began whose deadline is the earliest now.
    virtual void earliest_changed(Time earliest) = 0;
    /// Called when a signal was raised while none was: `resume_raised` is due.
    virtual void raised() = 0;

private:
    friend class Signal;
    void arm(Signal& signal, Deadline deadline);
    void disarm(Signal& signal);
    void place(std::size_t index, Signal* signal);
    void sift_up(std::size_t index);
    void sift_down(std::size_t index);
    void add_raised(Signal& signal);
    void remove_raised(Signal& signal);

    std::vector<Signal*> waits_;   // binary heap, the earliest deadline in front
    std::vector<Signal*> raised_;  // in the order of raising; removed ones are null
    std::vector<Signal*> resuming_;
};

/// What a coroutine waits on: one waits, anyone on the same thread raises. Raising while nobody
/// waits is remembered, so a wait can be written as: look, and if there is nothing, wait and look
/// again. Spurious wake-ups are allowed. Owned by the object whose coroutine waits, and declared
/// before whatever raises it.
class Signal {
public:
    explicit Signal(Loop& loop) : loop_(loop) {}
    ~Signal();
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    void raise();
    [[nodiscard]] Loop& loop() const { return loop_; }

    class Wait {
    public:
        Wait(Signal& signal, Deadline deadline) : signal_(signal), deadline_(deadline) {}
        ~Wait();
        Wait(const Wait&) = delete;
        Wait& operator=(const Wait&) = delete;
        [[nodiscard]] bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> handle);
        bool await_resume();

    private:
        Signal& signal_;
        Deadline deadline_;
        bool waiting_ = false;
    };
    /// `co_await signal.wait(deadline)`: true if raised, false if the deadline has passed.
    [[nodiscard]] Wait wait(Deadline deadline) { return {*this, deadline}; }

private:
    friend class Loop;
    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

    Loop& loop_;
    std::coroutine_handle<> waiter_;
    Deadline deadline_ = never;
    std::size_t heap_index_ = nowhere;
    std::size_t raised_index_ = nowhere;
    std::vector<Signal*>* raised_in_ = nullptr;
    bool is_raised_ = false;
};

}  // namespace ballast::loop
