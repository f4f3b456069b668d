// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"
#include "loop/recall.h"
#include "pool/admin_state.h"
#include "pool/backend.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace ballast::pool {

/// What a session's backend has come to. The pool changes it under its lock; any thread may read
/// it.
struct BackendSigns {
    std::shared_ptr<const AdminCell> admin;                 ///< of its name
    std::shared_ptr<const std::atomic<bool>> is_down = {};  ///< by its probes
};

/// The backend to which a session shall move; 0: it stays. The pool sets it under its lock, the
/// session may clear it; any thread may read it.
using MoveWish = std::atomic<BackendId>;

/// The sessions that want to know what happens to their backends. Not thread-safe; belongs to a
/// pool and its lock.
class Watches {
public:
    using Number = std::uint64_t;  ///< never 0
    using Recalls = std::vector<std::shared_ptr<loop::Recall>>;

    [[nodiscard]] Number begin(BackendId backend, BackendSigns signs,
                               std::shared_ptr<MoveWish> wish,
                               std::shared_ptr<loop::Recall> recall);
    /// Its session has logged in: from now on it can move.
    void logged_in(BackendId backend, Number number, loop::Time now);
    /// A watch that is none ends at once.
    void end(BackendId backend, Number number) { watches_.erase({backend, number}); }

    // The caller calls the recalls without the lock.

    /// Of the sessions on backends in this state or a harder one. With `or_down` also of those on
    /// backends that are down.
    [[nodiscard]] Recalls on_withdrawn(AdminState least, bool or_down) const;
    [[nodiscard]] Recalls on(BackendId backend) const;

    // Moving single sessions

    /// The next one on this backend, behind `last`, that can move and has not been asked or logged
    /// in within the last seconds.
    [[nodiscard]] std::optional<Number> next_movable(BackendId backend, Number last,
                                                     loop::Time now) const;
    [[nodiscard]] std::shared_ptr<loop::Recall> ask_to_move(BackendId backend, Number number,
                                                            BackendId to, loop::Time now);
    /// False: it has declined, or has left.
    [[nodiscard]] bool is_asked_to_move(BackendId backend, Number number) const;
    void withdraw_wish(BackendId backend, Number number);

private:
    struct Watch {
        BackendSigns signs;
        std::shared_ptr<MoveWish> wish;
        std::shared_ptr<loop::Recall> recall;
        std::optional<loop::Time> undisturbed_since = {};  ///< empty: it has not logged in
    };

    std::map<std::pair<BackendId, Number>, Watch> watches_;
    Number last_number_ = 0;
};

}  // namespace ballast::pool
