// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"

#include <cstdint>
#include <memory>
#include <string>

namespace ballast::pool {

using BackendId = std::uint64_t;  ///< hash of name and address: stable across restarts

/// One [[backend]] table, of the configuration or of a watched file. Never changes; a file that
/// changes brings new ones.
using BackendSettings = std::shared_ptr<const config::Backend>;

/// A backend as others see it: its name and its address. Never changes.
struct Backend {
    BackendId id = 0;
    std::string name;  ///< the configured name; "name/address" where a name has several addresses
    base::Address address;
    BackendSettings settings;
};

/// One of the addresses that a backend's name leads to.
struct Target {
    base::Address address;
    std::uint16_t weight = 0;    ///< of an SRV record; 0: as configured
    std::uint16_t priority = 0;  ///< of an SRV record: the lowest comes first

    friend bool operator==(const Target&, const Target&) = default;
};

}  // namespace ballast::pool
