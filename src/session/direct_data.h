// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "session/context.h"
#include "session/failover.h"

#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

// Data connections between the client and its backend, past Ballast (`data = "direct"`). The
// session has a backend.

/// PASV is the backend's to answer. The reply names the backend's own address, or `data_address`.
/// EPSV is refused, because a client would connect to Ballast.
[[nodiscard]] loop::Task<> direct_passive(Context& context, Failover& failover,
                                          ftp::Command command);
/// Passes PORT or EPRT on, with the address that the client may name.
[[nodiscard]] loop::Task<> direct_active(Context& context, Failover& failover, std::string verb,
                                         base::Address named);
/// Makes sure that the present backend knows the client's address. A session may have moved since
/// PORT or EPRT; then it is said again. Returns the refusal for the client, or the error if the
/// backend is lost.
[[nodiscard]] loop::Task<base::Result<std::optional<ftp::Reply>>> renew_direct(Context& context);

/// What the reply to PASV may name.
struct PassiveTerms {
    std::string_view data_address = {};  ///< instead of the backend's own; empty: its own
    bool may_be_loopback = false;        ///< the backend is on this machine
    bool may_be_low = false;             ///< a port below 1024
};
/// The reply to PASV for the client: Ballast's own words with one address, because clients look for
/// numbers anywhere in a reply. Any refusal as it is. Empty if the backend names no address that a
/// client may be sent to.
[[nodiscard]] std::optional<ftp::Reply> passive_reply(ftp::Reply reply, const PassiveTerms& terms);

}  // namespace ballast::session
