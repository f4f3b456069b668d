// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "net/presence.h"

#include <optional>
#include <sys/types.h>
#include <vector>

namespace ballast::net {

/// A listening TCP socket of any process.
struct Listening {
    base::Address address;
    bool takes_v4 = false;  ///< an IPv6 socket that also takes IPv4 connections
    /// The user who created it, according to the system. If a service manager created it for a
    /// Ballast (socket activation), that Ballast's user.
    uid_t user = 0;
    /// The running Ballast that claims it. Only believed if the same user runs it, or if root has
    /// created it and that process has it.
    std::optional<Instance> instance;
};

/// All listening TCP sockets in this network namespace. Any user may ask; fails if the system
/// refuses.
[[nodiscard]] base::Result<std::vector<Listening>> listening_sockets();

/// Whether this socket prevents others from listening on `wanted`.
[[nodiscard]] bool is_in_the_way(const Listening& other, const base::Address& wanted);

}  // namespace ballast::net
