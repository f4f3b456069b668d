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

/// The reply to PASV for the client: the backend's 227 with this address in the place of its own;
/// empty: with its own. Any refusal as it is. Empty if the reply names no address.
[[nodiscard]] std::optional<ftp::Reply> with_data_address(ftp::Reply reply,
                                                          std::string_view data_address);

}  // namespace ballast::session
