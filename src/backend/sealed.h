// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "net/network.h"

#include <memory>
#include <string>

namespace ballast::backend {

/// What a backend is told before a client's own TLS is let through to it.
struct SealedRequest {
    std::string host;         ///< what the client said with HOST; empty: nothing
    std::string auth;         ///< the client's AUTH line; empty: TLS begins at once (implicit)
    std::string first_bytes;  ///< the client's ClientHello
};

/// A control connection on which the backend has answered AUTH with 234 and was given the first
/// bytes of the client's TLS; nothing that it says of them has been read. `signal` is no longer
/// attached afterwards.
[[nodiscard]] loop::Task<base::Result<std::unique_ptr<net::Stream>>> connect_sealed(
    net::Network& network, Contact contact, SealedRequest request, loop::Signal& signal);

}  // namespace ballast::backend
