// SPDX-License-Identifier: Apache-2.0
#include "pool/watches.h"

namespace ballast::pool {

Watches::Number Watches::begin(BackendId backend, BackendSigns signs,
                               std::shared_ptr<loop::Recall> recall) {
    const auto number = ++last_number_;
    watches_.emplace(std::pair(backend, number), Watch{std::move(signs), std::move(recall)});
    return number;
}

Watches::Recalls Watches::on_withdrawn(AdminState least, bool or_down) const {
    Recalls recalls;
    for (const auto& [key, watch] : watches_) {
        const bool is_down = or_down && *watch.signs.is_down;
        if (is_down || *watch.signs.admin >= least) recalls.push_back(watch.recall);
    }
    return recalls;
}

Watches::Recalls Watches::on(BackendId backend) const {
    Recalls recalls;
    const auto first = watches_.lower_bound({backend, 0});
    for (auto each = first; each != watches_.end() && each->first.first == backend; ++each)
        recalls.push_back(each->second.recall);
    return recalls;
}

}  // namespace ballast::pool
