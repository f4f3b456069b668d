// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/admin_state.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::pool {

/// What the administrator has set in place of the configuration; empty: as configured.
struct Tuning {
    std::optional<std::uint32_t> weight;
    std::optional<std::uint32_t> max_sessions;

    friend bool operator==(const Tuning&, const Tuning&) = default;
};

/// The administrative states of a pool's backends, by their configured names. A name keeps its
/// state when its addresses change, and while no backend has it. Not thread-safe; belongs to a pool
/// and its lock.
class Administration {
public:
    // States. The harder one is in force: the name's own or that of all.

    /// The state in force for this name, from now on.
    [[nodiscard]] std::shared_ptr<const AdminCell> cell(const std::string& name);
    /// Whether there are members, sessions or a decision under this name.
    [[nodiscard]] bool knows(std::string_view name) const { return names_.contains(name); }
    /// What was decided for this name alone.
    [[nodiscard]] AdminState own(std::string_view name) const;
    /// False: that is its state already.
    bool set(const std::string& name, AdminState state);
    void set_all(AdminState state);
    [[nodiscard]] Tuning tuning(std::string_view name) const;
    void tune(const std::string& name, const Tuning& tuning) { this->name(name).tuning = tuning; }
    /// Forgets names that are ready and not tuned and that no backend and no session has any more.
    void forget_unused();

private:
    struct Name {
        AdminState own = AdminState::ready;
        Tuning tuning = {};
        std::shared_ptr<AdminCell> in_force = std::make_shared<AdminCell>(AdminState::ready);
    };
    Name& name(const std::string& name);
    void enforce(Name& name) const;

    std::map<std::string, Name, std::less<>> names_;
    AdminState of_all_ = AdminState::ready;
};

}  // namespace ballast::pool
