// SPDX-License-Identifier: Apache-2.0
#include "pool/stick_table.h"

namespace ballast::pool {

void StickTable::use(Entries::iterator entry, loop::Time now) {
    entry->last_used = now;
    entries_.splice(entries_.begin(), entries_, entry);
}

std::optional<StickTable::Backend> StickTable::find(Key key, loop::Time now) {
    const auto place = places_.find(key);
    if (place == places_.end()) return std::nullopt;
    if (!is_over(*place->second, now)) return place->second->backend;
    entries_.erase(place->second);
    places_.erase(place);
    return std::nullopt;
}

void StickTable::session_began(Key key, Backend backend, loop::Time now) {
    const auto [place, is_new] = places_.try_emplace(key);
    if (is_new) {
        entries_.push_front({key, backend, 0, now});
        place->second = entries_.begin();
    }
    const auto entry = place->second;
    // Sessions of its former backend may go on; they are no longer this entry's.
    if (entry->backend != backend) entry->sessions = 0;
    entry->backend = backend;
    ++entry->sessions;
    use(entry, now);
    while (entries_.size() > entries_max_) {
        places_.erase(entries_.back().key);
        entries_.pop_back();
    }
}

void StickTable::session_ended(Key key, Backend backend, loop::Time now) {
    const auto place = places_.find(key);
    if (place == places_.end() || place->second->backend != backend) return;
    if (place->second->sessions > 0) --place->second->sessions;
    use(place->second, now);
}

}  // namespace ballast::pool
