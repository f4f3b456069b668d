// SPDX-License-Identifier: Apache-2.0
#include "pool/administration.h"

namespace ballast::pool {

std::shared_ptr<AdminCell>& Administration::entry(const std::string& name) {
    auto& cell = cells_[name];
    if (!cell) cell = std::make_shared<AdminCell>(AdminState::ready);
    return cell;
}

std::shared_ptr<const AdminCell> Administration::cell(const std::string& name) {
    return entry(name);
}

bool Administration::set(const std::string& name, AdminState state) {
    return entry(name)->exchange(state) != state;
}

void Administration::forget_unused() {
    std::erase_if(cells_, [](const auto& entry) {
        return entry.second.use_count() == 1 && *entry.second == AdminState::ready;
    });
}

}  // namespace ballast::pool
