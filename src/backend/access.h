// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/knowledge.h"
#include "base/address.h"
#include "config/config.h"
#include "net/tls_client.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ballast::backend {

/// One backend as a leg reaches it. What it refers to outlives the leg.
struct Contact {
    base::Address address;
    const config::Pool& settings;
    const config::BackendTls& tls;
    std::shared_ptr<const net::TlsClient> tls_client;  ///< null where `tls.mode` is off
    std::shared_ptr<Known> known;
};

/// How the backends of one pool are reached, and what is known of them. Any thread may call.
class Access {
public:
    /// One client for each configured backend, in their order; null for those without TLS. `pool`
    /// and `knowledge` outlive it.
    Access(const config::Pool& pool, Knowledge& knowledge,
           std::vector<std::shared_ptr<const net::TlsClient>> tls_clients);

    /// `index` is that of the backend's configuration, `id` that of the backend.
    [[nodiscard]] Contact contact(std::size_t index, std::uint64_t id,
                                  const base::Address& address) const;
    [[nodiscard]] std::shared_ptr<Known> known(std::uint64_t id) const { return knowledge_.of(id); }

private:
    const config::Pool& pool_;
    Knowledge& knowledge_;
    std::vector<std::shared_ptr<const net::TlsClient>> tls_clients_;
};

/// The client for these settings; `host` is that of the backend's address. Null if they say that
/// there is no TLS.
[[nodiscard]] base::Result<std::shared_ptr<const net::TlsClient>> make_tls_client(
    const config::BackendTls& tls, const std::string& host);

}  // namespace ballast::backend
