// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "events/kind.h"
#include "pool/pool.h"

#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::pool {

/// A pool's lock while it is held, and what changes under it. When it is released, those who were
/// given a seat meanwhile are woken, the recalls are called and the notes are logged: nobody can
/// forget to do it, or do it under the lock. The pool outlives it.
class Pool::Locked {
public:
    explicit Locked(Pool& pool) : pool_(pool), lock_(pool.mutex_), now_(pool.clock_()) {}
    ~Locked();
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

    /// When the lock was taken.
    [[nodiscard]] loop::Time now() const { return now_; }
    /// Chooses and reserves.
    [[nodiscard]] std::expected<Seat, Refusal> choose(const Asker& asker,
                                                      Choice* explained = nullptr);
    [[nodiscard]] Seat reserve(Member& member, const Asker& asker);
    /// Gives those who wait what is free.
    void serve_queue();
    /// Asks for one seat back that this client could use. False: none is on loan since then.
    [[nodiscard]] bool recall_for(const Asker& asker, loop::Time lent_until);
    /// Asks for one seat back for each that waits.
    void recall_for_queue();
    /// The administrator has changed states: wakes the sessions that must end or may
    /// move, gives those who wait
    /// what is free, and turns away those who wait in vain from now on.
    void enforce_states();
    /// This backend went down: wakes its sessions if they can move.
    void wake_sessions_of(BackendId backend);
    /// Asks sessions to move to backends that have fewer than their share.
    void rebalance();
    /// For the log and those who listen: what has happened to the backend with this configured
    /// name.
    void note(std::string_view message, events::Kind kind, const std::string& name);
    /// The same, if it is withdrawn and has no session left, here or elsewhere.
    void note_if_drained(const std::string& name);

private:
    /// Whether sessions can move from one backend to another.
    [[nodiscard]] bool can_move() const;

    struct Note {
        std::string_view message;
        events::Kind kind;
        std::string name;
        AdminState state;
    };

    Pool& pool_;
    std::unique_lock<std::mutex> lock_;
    const loop::Time now_;
    Queue::Served served_;
    std::vector<std::shared_ptr<loop::Recall>> recalls_;
    std::vector<Note> notes_;
};

}  // namespace ballast::pool
