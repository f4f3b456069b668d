// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "loop/loop.h"

#include <atomic>
#include <functional>
#include <memory>

namespace ballast::loop {

/// A loop that waits for sockets. Each worker's thread and the control thread run one. `run`
/// belongs to that thread; `post` and `stop` may be called from any.
class WorkerLoop final : public Loop {
public:
    WorkerLoop();
    ~WorkerLoop() override;

    /// Returns after `stop`. Posted work that has not run yet is dropped with the loop.
    void run();
    void stop();

    /// Calls `took_long` on the loop's thread after each turn that took `limit` or longer, because
    /// all other sessions of the thread waited for it. Call before `run`.
    using TookLong = std::move_only_function<void(Time::duration)>;
    void watch_turns(Time::duration limit, TookLong took_long);
    /// How long the current turn has taken so far; zero between turns. From any thread.
    [[nodiscard]] Time::duration in_turn_for() const;

    [[nodiscard]] Time now() const override;
    void post(std::move_only_function<void()> work) override;

private:
    friend class Descriptor;
    struct Reactor;  // hides the event library
    void earliest_changed(Time earliest) override;
    void raised() override;
    void resume_until_quiet();
    void set_alarm(Time at);
    void begin_turn();
    void end_turn();

    std::unique_ptr<Reactor> reactor_;
    Time alarm_at_ = never;
    bool resume_posted_ = false;
    bool inside_handler_ = false;
    std::atomic<Time> turn_began_ = never;  // `never` between turns
    Time::duration turn_limit_{};
    TookLong took_long_;
};

/// A non-blocking descriptor that raises a signal when it can be read or written. Belongs to the
/// thread of its loop and stays registered with this loop until its end.
class Descriptor {
public:
    Descriptor() = default;
    /// Takes ownership of `native`, which must be non-blocking. On failure (out of memory or
    /// watches: a shortage of our own) the caller keeps it.
    [[nodiscard]] static base::Result<Descriptor> open(WorkerLoop& loop, int native);
    Descriptor(Descriptor&&) noexcept = default;
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    [[nodiscard]] int native() const;
    /// The signal to raise; null for none. It must live until it is replaced.
    void attach(Signal* signal);
    /// Raises the attached signal once when reading (writing) would not block, or the connection
    /// failed. Asking again before that changes nothing.
    void watch_readable();
    void watch_writable();
    /// True between `watch_readable` (`watch_writable`) and its signal.
    [[nodiscard]] bool is_watching_readable() const;
    [[nodiscard]] bool is_watching_writable() const;
    /// Removes the descriptor from the loop and returns it.
    [[nodiscard]] int release();

private:
    struct State;
    void close();
    std::shared_ptr<State> state_;
};

}  // namespace ballast::loop
