// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"
#include "ftp/reply.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::session {

/// What is known about a client when it sends USER.
struct Applicant {
    std::string_view user;
    base::Ip address;
    std::string_view host;         ///< the argument of HOST; empty: none
    std::string_view server_name;  ///< SNI; empty: none, or no TLS
    std::string_view certificate;  ///< the subject of the client's certificate; empty: none
};

/// Where a session goes, or why it may not.
struct Routing {
    std::string pool;
    std::string user;                   ///< the name for the backend, without @pool and %host
    std::string host;                   ///< from HOST or %host
    std::optional<ftp::Reply> refusal;  ///< if set, nothing else counts
    const config::Route* rejected_by = nullptr;  ///< the route that says so; null: no route fits
    const config::Route* by = nullptr;  ///< leads to `pool`; null: it is the listener's own
};

/// Tries the listener's routes in order. The first match decides, then the listener's own pool.
/// Without either the answer is 530: a pool is never chosen by chance.
[[nodiscard]] Routing route(const config::Listener& listener, const Applicant& applicant);

/// What leads to its pool: "listener[0].route[1]".
[[nodiscard]] std::string_view name_of_route(const Routing& routing);

/// Every pool that a client of this listener can be sent to, once each, without fallbacks.
[[nodiscard]] std::vector<std::string_view> pools_of(const config::Listener& listener);

/// Which of these pools USER may still lead this client to. Ignores `who.user`. `is_secured`: the
/// TLS handshake is done, so SNI and certificate are final.
[[nodiscard]] std::vector<std::string_view> pools_ahead(const config::Listener& listener,
                                                        const Applicant& who, bool is_secured);

/// RFC 7151 3.1: whether HOST may name this host. If no route asks for a host, any name is valid.
[[nodiscard]] bool knows_host(const config::Listener& listener, std::string_view host);

}  // namespace ballast::session
