// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ballast::base {

enum class TlsVersion : std::uint8_t { tls_1_0, tls_1_1, tls_1_2, tls_1_3 };

}  // namespace ballast::base
