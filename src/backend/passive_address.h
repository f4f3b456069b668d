// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <expected>
#include <string_view>

namespace ballast::backend {

/// How far a backend's reply to PASV or EPSV is believed.
struct PassiveTrust {
    base::Ip control;        ///< the address of its control connection
    bool address = false;    ///< `trust_pasv_address`
    bool low_ports = false;  ///< `trust_low_ports`
};

/// Where the backend's data port is, by the text of a positive reply to PASV or EPSV. The error
/// says what the backend did.
[[nodiscard]] std::expected<base::Address, std::string_view> passive_address(
    std::string_view reply, const PassiveTrust& trust);

}  // namespace ballast::backend
