// SPDX-License-Identifier: Apache-2.0
#include "net/own_connections.h"

#include <mutex>
#include <set>
#include <utility>

namespace ballast::net {

namespace {

using Ends = std::pair<base::Address, base::Address>;  // from, to

struct Places {
    std::mutex mutex;
    std::multiset<Ends> all;
};

Places& places() {
    // Never destroyed: threads may end after static destruction has begun.
    static auto* const instance = new Places;
    return *instance;
}

struct Entry {
    Entry(const base::Address& from, const base::Address& to) {
        const std::lock_guard lock(places().mutex);
        place = places().all.emplace(from, to);
    }
    ~Entry() {
        const std::lock_guard lock(places().mutex);
        places().all.erase(place);
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    std::multiset<Ends>::iterator place;
};

}  // namespace

OwnConnection note_own_connection(const base::Address& from, const base::Address& to) {
    return std::make_shared<const Entry>(from, to);
}

bool is_own_connection(const base::Address& from, const base::Address& to) {
    const std::lock_guard lock(places().mutex);
    return places().all.contains({from, to});
}

}  // namespace ballast::net
