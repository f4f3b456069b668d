// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "loop/loop.h"

#include <atomic>
#include <functional>
#include <memory>

namespace ballast::loop {

/// A loop that waits for sockets: what a worker's thread, and the control thread, runs. `run`
/// belongs to that thread; `post` and `stop` may be called from any.
class WorkerLoop final : public Loop {
public:
    WorkerLoop();
    ~WorkerLoop() override;

    /// Returns after `stop`. What was posted and not run yet is dropped with the loop.
    void run();
    void stop();

    /// `took_long` is called on the loop's thread after each turn that took `limit` or longer: all
    /// else on this thread waited for it. Before `run`.
    using TookLong = std::move_only_function<void(Time::duration)>;
    void watch_turns(Time::duration limit, TookLong took_long);
    /// How long the present turn takes already; zero between turns. From any thread.
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
    std::atomic<Time> turn_began_ = never;  // never: between turns
    Time::duration turn_limit_{};
    TookLong took_long_;
};

/// A non-blocking descriptor that tells a signal when it can be read or written. Belongs to the
/// thread of its loop, and is registered with that one loop for life.
class Descriptor {
public:
    Descriptor() = default;
    /// Takes ownership of `native`, which must be non-blocking; on failure (no memory, no watches
    /// left: a shortage of our own) it stays the caller's.
    [[nodiscard]] static base::Result<Descriptor> open(WorkerLoop& loop, int native);
    Descriptor(Descriptor&&) noexcept = default;
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    [[nodiscard]] int native() const;
    /// Who is told; null: nobody. The signal must live until it is replaced.
    void attach(Signal* signal);
    /// Raises the attached signal once when reading (writing) would not block, or the connection
    /// failed. Asking again before that changes nothing.
    void watch_readable();
    void watch_writable();
    /// True between `watch_readable` and its signal.
    [[nodiscard]] bool is_watching_readable() const;
    /// Takes the descriptor out of the loop and hands it over.
    [[nodiscard]] int release();

private:
    struct State;
    void close();
    std::shared_ptr<State> state_;
};

}  // namespace ballast::loop
