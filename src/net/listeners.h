// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "net/presence.h"

#include <optional>
#include <sys/types.h>
#include <vector>

namespace ballast::net {

/// A TCP socket of any process that listens.
struct Listening {
    base::Address address;
    bool takes_v4 = false;  ///< an IPv6 one that IPv4 connections reach as well
    uid_t user = 0;         ///< who made it, by the system's word
    /// The running Ballast that says it is its own. Only believed if the same user says so.
    std::optional<Instance> instance;
};

/// Everything in this network namespace that listens with TCP, as the system tells every user.
/// Fails where it does not tell.
[[nodiscard]] base::Result<std::vector<Listening>> listening_sockets();

/// Whether nobody else can listen on `wanted` while this one does.
[[nodiscard]] bool is_in_the_way(const Listening& other, const base::Address& wanted);

}  // namespace ballast::net
