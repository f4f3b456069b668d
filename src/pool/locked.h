// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/pool.h"

#include <expected>
#include <memory>
#include <mutex>
#include <vector>

namespace ballast::pool {

/// A pool's lock while it is held, and what changes under it. When it is released, those who were
/// given a seat meanwhile are woken and the recalls are called: nobody can forget to do it, or do
/// it under the lock. The pool outlives it.
class Pool::Locked {
public:
    explicit Locked(Pool& pool) : pool_(pool), lock_(pool.mutex_), now_(pool.clock_()) {}
    ~Locked();
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

    /// When the lock was taken.
    [[nodiscard]] loop::Time now() const { return now_; }
    /// Chooses and reserves.
    [[nodiscard]] std::expected<Seat, Refusal> choose(const Asker& asker);
    /// Gives those who wait what is free.
    void serve_queue();
    /// Asks for one seat back that this client could use. False: none is on loan since then.
    [[nodiscard]] bool recall_for(const Asker& asker, loop::Time lent_until);
    /// Asks for one seat back for each that waits.
    void recall_for_queue();

private:
    Pool& pool_;
    std::unique_lock<std::mutex> lock_;
    const loop::Time now_;
    Queue::Served served_;
    std::vector<std::shared_ptr<loop::Recall>> recalls_;
};

}  // namespace ballast::pool
