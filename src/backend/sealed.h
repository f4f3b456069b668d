// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "net/network.h"

#include <memory>
#include <string>

namespace ballast::backend {

/// What to send to a backend before the client's own TLS passes through.
struct SealedRequest {
    std::string host;         ///< the argument of the client's HOST; empty: none
    std::string auth;         ///< the client's AUTH line; empty: TLS begins at once (implicit)
    std::string first_bytes;  ///< the client's ClientHello
};

/// A control connection on which the backend has answered AUTH with 234 and got the first bytes of
/// the client's TLS. Its answer to them has not been read. `signal` is no longer attached
/// afterwards.
[[nodiscard]] loop::Task<base::Result<std::unique_ptr<net::Stream>>> connect_sealed(
    net::Network& network, Contact contact, SealedRequest request, loop::Signal& signal);

}  // namespace ballast::backend
