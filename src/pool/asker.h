// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"
#include "base/address.h"
#include "config/config.h"
#include "pool/backend.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::pool {

/// Who asks for a backend.
struct Client {
    base::Ip address;
    std::string_view user;
};

/// What choosing needs to know of a client, hashed once.
struct Asker {
    Asker(const config::Stick& stick, const Client& who, std::span<const BackendId> tried_before);

    balance::Client client;
    std::uint64_t stick_key = 0;  ///< 0: the pool has no stickiness
    std::string stick_name;       ///< what the key is made from, and cut if it is long
    std::vector<BackendId> tried;
};

}  // namespace ballast::pool
