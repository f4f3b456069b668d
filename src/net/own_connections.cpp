// SPDX-License-Identifier: Apache-2.0
#include "net/own_connections.h"

#include <mutex>
#include <set>

namespace ballast::net {

namespace {

struct Places {
    std::mutex mutex;
    std::multiset<base::Address> all;  // two connections may share a port to two destinations
};

Places& places() {
    // Never destroyed: threads may end after static destruction has begun.
    static auto* const instance = new Places;
    return *instance;
}

struct Entry {
    explicit Entry(const base::Address& local) {
        const std::lock_guard lock(places().mutex);
        place = places().all.insert(local);
    }
    ~Entry() {
        const std::lock_guard lock(places().mutex);
        places().all.erase(place);
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    std::multiset<base::Address>::iterator place;
};

}  // namespace

OwnConnection note_own_connection(const base::Address& local) {
    return std::make_shared<const Entry>(local);
}

bool is_own_connection(const base::Address& from) {
    const std::lock_guard lock(places().mutex);
    return places().all.contains(from);
}

}  // namespace ballast::net
