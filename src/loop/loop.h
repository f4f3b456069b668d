// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <vector>

namespace ballast::loop {

using Time = std::chrono::steady_clock::time_point;

/// The moment at which waiting ends. It is passed down as a value, so that a whole job has one
/// limit instead of one for each step.
using Deadline = Time;
inline constexpr Deadline never = Deadline::max();

/// The earlier of the two.
[[nodiscard]] inline Deadline sooner(Deadline a, Deadline b) { return a < b ? a : b; }

class Signal;

/// A coroutine's view of its thread: the time, a way to wake up, and a mailbox. A worker's loop
/// also waits for sockets (`WorkerLoop`). A test's loop has its own clock and runs hours in a
/// moment. Only `post` may be called from other threads.
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
    /// Resumes every coroutine whose signal was raised before this call. Those raised meanwhile
    /// wait for the next turn, so that sockets are served in between.
    void resume_raised();
    /// Wakes all waits whose deadline has come at `now`.
    void expire(Time now);
    /// `never` if no wait has a deadline.
    [[nodiscard]] Time next_deadline() const;
    /// Whether `resume_raised` is due.
    [[nodiscard]] bool has_raised() const { return !raised_.empty(); }

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

/// What a coroutine waits on: one coroutine waits, any code on the same thread raises. A signal
/// that is raised before the wait is remembered, so a coroutine can look, wait if there is nothing,
/// and look again. Spurious wake-ups are allowed. The object whose coroutine waits owns the signal,
/// and declares it before the objects that raise it.
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
