// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/lvs.h"

#include <cstdint>
#include <vector>

/// Which part of an FTP service a virtual server is.
namespace ballast::migrate {

enum class Role : std::uint8_t {
    control,   ///< control connections, which begin in plain text
    implicit,  ///< control connections with TLS from the first byte
    every,     ///< every port: control and data connections alike
    data,      ///< data connections of another one
    foreign,   ///< not FTP
};

/// A virtual server, and the role of each of its addresses.
struct Part {
    const LvsService* service;
    std::vector<Role> roles;

    [[nodiscard]] bool has(Role role) const;
};

/// Parts in the order of the services.
[[nodiscard]] std::vector<Part> parts_of(const std::vector<LvsService>& services);

}  // namespace ballast::migrate
