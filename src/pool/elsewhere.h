// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <cstdint>
#include <string>

namespace ballast::pool {

/// What the other balancers of a cluster have on one backend, all together.
struct Elsewhere {
    std::string backend;  ///< its configured name
    base::Address address;
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
};

}  // namespace ballast::pool
