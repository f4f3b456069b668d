// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "net/network.h"

#include <memory>
#include <optional>

namespace ballast::session {

/// Where the client wants its next data connection: a passive port that it was told, or its own
/// address. The last PASV, EPSV, PORT or EPRT wins.
struct ClientData {
    std::unique_ptr<net::Lease> lease;
    std::optional<base::Address> active;

    [[nodiscard]] bool is_set() const { return lease != nullptr || active.has_value(); }
    void clear() {
        lease.reset();
        active.reset();
    }
};

}  // namespace ballast::session
