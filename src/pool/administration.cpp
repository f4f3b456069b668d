// SPDX-License-Identifier: Apache-2.0
#include "pool/administration.h"

#include <algorithm>
#include <utility>

namespace ballast::pool {

void Administration::enforce(Name& name) const { *name.in_force = std::max(name.own, of_all_); }

Administration::Name& Administration::name(const std::string& name) {
    const auto [place, is_new] = names_.try_emplace(name);
    if (is_new) enforce(place->second);
    return place->second;
}

std::shared_ptr<const AdminCell> Administration::cell(const std::string& name) {
    return this->name(name).in_force;
}

AdminState Administration::own(std::string_view name) const {
    const auto known = names_.find(name);
    return known == names_.end() ? AdminState::ready : known->second.own;
}

Tuning Administration::tuning(std::string_view name) const {
    const auto known = names_.find(name);
    return known == names_.end() ? Tuning() : known->second.tuning;
}

bool Administration::set(const std::string& name, AdminState state) {
    auto& known = this->name(name);
    if (std::exchange(known.own, state) == state) return false;
    enforce(known);
    return true;
}

void Administration::set_all(AdminState state) {
    of_all_ = state;
    for (auto& [name, known] : names_) enforce(known);
}

void Administration::forget_unused() {
    std::erase_if(names_, [](const auto& entry) {
        const Name& name = entry.second;
        return name.own == AdminState::ready && name.tuning == Tuning() &&
               name.in_force.use_count() == 1;
    });
}

}  // namespace ballast::pool
