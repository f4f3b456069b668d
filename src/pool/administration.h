// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/admin_state.h"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::pool {

/// The state of one name, shared by its members and their seats. The pool changes it under its
/// lock; any thread may read it.
using AdminCell = std::atomic<AdminState>;

/// The administrative states of a pool's backends, by their configured names. A name keeps its
/// state when its addresses change, and while no backend has it. Not thread-safe; belongs to a pool
/// and its lock.
class Administration {
public:
    /// The state of this name, from now on.
    [[nodiscard]] std::shared_ptr<const AdminCell> cell(const std::string& name);
    /// Whether there are members, sessions or a decision under this name.
    [[nodiscard]] bool knows(std::string_view name) const { return cells_.contains(name); }
    /// False: that is its state already.
    bool set(const std::string& name, AdminState state);
    /// Forgets names that are ready and that no backend and no session has any more.
    void forget_unused();

private:
    std::shared_ptr<AdminCell>& entry(const std::string& name);

    std::map<std::string, std::shared_ptr<AdminCell>, std::less<>> cells_;
};

}  // namespace ballast::pool
