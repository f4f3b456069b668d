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

/// All that is known of a client when it says USER.
struct Applicant {
    std::string_view user;
    base::Ip address;
    std::string_view host;         ///< what HOST said; empty: nothing
    std::string_view server_name;  ///< SNI; empty: none, or no TLS
    std::string_view certificate;  ///< the subject of its certificate; empty: it showed none
};

/// Where a session goes.
struct Routing {
    std::string pool;
    std::string user;                   ///< what the backend is told: without @pool and %host
    std::string host;                   ///< what HOST said, or %host
    std::optional<ftp::Reply> refusal;  ///< instead of all that
    const config::Route* rejected_by = nullptr;  ///< the route that says so; null: no route fits
};

/// Asks the listener's routes in their order: the first that matches decides, then the listener's
/// own pool; without that it is 530, never a pool by chance.
[[nodiscard]] Routing route(const config::Listener& listener, const Applicant& applicant);

/// Every pool that a client of this listener can be sent to, each once; fallbacks not counted.
[[nodiscard]] std::vector<std::string_view> pools_of(const config::Listener& listener);

/// Which of these pools USER may still lead this client to. `who.user` counts for nothing.
/// `is_secured`: its TLS handshake is done, so SNI and certificate will not change.
[[nodiscard]] std::vector<std::string_view> pools_ahead(const config::Listener& listener,
                                                        const Applicant& who, bool is_secured);

/// RFC 7151 3.1: whether HOST may name this. Where no route asks for a host, every name will do.
[[nodiscard]] bool knows_host(const config::Listener& listener, std::string_view host);

}  // namespace ballast::session
