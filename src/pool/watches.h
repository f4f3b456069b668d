// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/recall.h"
#include "pool/admin_state.h"
#include "pool/backend.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace ballast::pool {

/// What a session's backend has come to. The pool changes it under its lock; any thread may read
/// it.
struct BackendSigns {
    std::shared_ptr<const AdminCell> admin;                 ///< of its name
    std::shared_ptr<const std::atomic<bool>> is_down = {};  ///< by its probes
};

/// The sessions that want to know what happens to their backends. Not thread-safe; belongs to a
/// pool and its lock.
class Watches {
public:
    using Number = std::uint64_t;  ///< never 0
    using Recalls = std::vector<std::shared_ptr<loop::Recall>>;

    [[nodiscard]] Number begin(BackendId backend, BackendSigns signs,
                               std::shared_ptr<loop::Recall> recall);
    /// A watch that is none ends at once.
    void end(BackendId backend, Number number) { watches_.erase({backend, number}); }

    // The caller calls the recalls without the lock.

    /// Of the sessions on backends in this state or a harder one. With `or_down` also of those on
    /// backends that are down.
    [[nodiscard]] Recalls on_withdrawn(AdminState least, bool or_down) const;
    [[nodiscard]] Recalls on(BackendId backend) const;

private:
    struct Watch {
        BackendSigns signs;
        std::shared_ptr<loop::Recall> recall;
    };

    std::map<std::pair<BackendId, Number>, Watch> watches_;
    Number last_number_ = 0;
};

}  // namespace ballast::pool
