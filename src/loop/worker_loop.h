// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/owned_fd.h"
#include "loop/loop.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ballast::loop {

/// What a loop knows of a descriptor.
struct Watched;

/// A loop that waits for sockets, with epoll(7). Each worker's thread and the control thread run
/// one. `run` belongs to that thread; `post` and `stop` may be called from any.
class WorkerLoop final : public Loop {
public:
    WorkerLoop();
    ~WorkerLoop() override;

    /// Returns after `stop`, for good. Posted work that has not run yet is dropped with the loop.
    void run();
    void stop();

    /// Calls `took_long` on the loop's thread after each turn that took `limit` or longer, because
    /// all other sessions of the thread waited for it. Call before `run`.
    using TookLong = std::move_only_function<void(Time::duration)>;
    void watch_turns(Time::duration limit, TookLong took_long);
    /// How long the current turn has taken so far; zero between turns. From any thread.
    [[nodiscard]] Time::duration in_turn_for() const;

    /// On the loop's thread: when its turn began.
    [[nodiscard]] Time now() const override;
    void post(std::move_only_function<void()> work) override;

private:
    friend class Descriptor;
    friend struct Watched;
    void turn();
    [[nodiscard]] bool take_events(int milliseconds);
    void run_posted();
    void dispatch(std::uint64_t token, std::uint32_t happened);
    [[nodiscard]] std::uint64_t take_slot(Watched& watched);
    void give_slot_back(std::uint64_t token);
    void wake();

    /// A slot is used again, and an event of a former descriptor may come late.
    struct Slot {
        Watched* watched = nullptr;
        std::uint32_t uses = 0;
    };

    base::OwnedFd epoll_;
    base::OwnedFd wake_up_;  // an eventfd
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::mutex mutex_;
    std::vector<std::move_only_function<void()>> posted_;  // guarded by `mutex_`
    std::vector<std::move_only_function<void()>> running_;
    std::atomic<std::thread::id> thread_;
    std::atomic<bool> is_stopped_ = false;
    Time now_{};                            // of the turn, for the loop's thread
    std::atomic<Time> turn_began_ = never;  // `never` between turns
    Time::duration turn_limit_{};
    TookLong took_long_;
};

/// A non-blocking descriptor that raises a signal when it can be read or written. Belongs to the
/// thread of its loop and stays registered with this loop until its end: once, edge-triggered. So
/// that a watch seldom needs a system call, its owner says what its own calls have met
/// (`note_...`).
class Descriptor {
public:
    Descriptor();
    enum class Origin : std::uint8_t {
        unknown,   ///< others may have copies of it, through which it would stay registered
        accepted,  ///< a connection that is this descriptor's alone
        dialled,   ///< the same, and it is connecting
    };
    /// Takes ownership of `native`, which must be non-blocking. On failure (out of memory or
    /// watches: a shortage of our own) the caller keeps it.
    [[nodiscard]] static base::Result<Descriptor> open(WorkerLoop& loop, int native,
                                                       Origin origin = Origin::unknown);
    Descriptor(Descriptor&&) noexcept;
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    [[nodiscard]] int native() const;
    /// The signal to raise; null for none. It must live until it is replaced.
    void attach(Signal* signal);
    /// Raises the attached signal once when reading (writing) would not block, or the connection
    /// failed; at once if that is so already. Asking again before that changes nothing.
    void watch_readable();
    void watch_writable();
    /// True between `watch_readable` (`watch_writable`) and its signal.
    [[nodiscard]] bool is_watching_readable() const;
    [[nodiscard]] bool is_watching_writable() const;
    /// The read just made would have blocked, or a recv(2) was shorter than it could have been.
    /// Call it at once: in a later turn it would hide what has come meanwhile.
    void note_drained();
    /// The write just made would have blocked. The same holds.
    void note_full();
    /// An end, an error or urgent data has been reported: after a short read there may be more.
    [[nodiscard]] bool is_special() const;
    /// The loop is not woken for its bytes from now on, until `unmute`: another thread moves them
    /// meanwhile.
    void mute();
    void unmute();
    /// Removes the descriptor from the loop and returns it.
    [[nodiscard]] int release();

private:
    std::unique_ptr<Watched> watched_;
};

}  // namespace ballast::loop
