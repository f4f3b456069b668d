// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "loop/job.h"
#include "net/network.h"
#include "session/pools.h"

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace ballast::session {

/// Control connections to backends that have greeted, and begun TLS if every session has it there,
/// before a client comes: a login need not wait for that. A pool's `warm` says how many. Nobody has
/// logged in on them. They are renewed once a second: those that a backend has closed or spoken on,
/// or that wait for so long that its login timeout may be near. Of backends that do not serve there
/// are none. One object per worker, on its thread.
class WarmLegs {
public:
    explicit WarmLegs(net::Network& network) : network_(network), signal_(network.loop()) {}
    WarmLegs(const WarmLegs&) = delete;
    WarmLegs& operator=(const WarmLegs&) = delete;

    /// Keeps this worker's part, rounded up, of what these pools want. Replaces former pools.
    void use(std::shared_ptr<const Pools> pools, std::uint32_t workers);
    /// Closes all, and keeps none any more.
    void clear();

    /// One for the session that this contact and signal belong to, or null. Its backend may have
    /// closed it just now, so an error in its first dialog says nothing about the backend.
    [[nodiscard]] std::unique_ptr<backend::Leg> take(const backend::Contact& contact,
                                                     const pool::Pool& pool, pool::BackendId id,
                                                     loop::Signal& signal);

private:
    struct Warm {
        Warm(loop::Loop& loop, const backend::Contact& with)
            : signal(loop), contact(with), begun_at(loop.now()) {}
        loop::Signal signal;
        backend::Contact contact;
        loop::Time begun_at;
        std::unique_ptr<backend::Leg> leg;  // null while it connects
        loop::Job connecting;
    };
    struct OfBackend {
        std::vector<std::unique_ptr<Warm>> all;
        loop::Time retry_at{};
        bool is_wanted = false;
    };
    [[nodiscard]] loop::Task<> keep();
    void renew();
    void renew(OfBackend& kept, const backend::Contact& contact, std::uint32_t wanted);
    [[nodiscard]] loop::Task<> connect(Warm& warm);

    net::Network& network_;
    loop::Signal signal_;
    std::shared_ptr<const Pools> pools_;
    std::uint32_t workers_ = 1;
    using Key = std::pair<const pool::Pool*, pool::BackendId>;  // pools may share a backend
    std::map<Key, OfBackend> backends_;
    loop::Job keeping_;
};

}  // namespace ballast::session
