// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <system_error>

namespace ballast::base {

/// Whether the code means that we are short of descriptors, source ports, memory or watches. Such
/// an error says nothing about a peer.
[[nodiscard]] bool is_shortage(const std::error_code& code);
/// `fault`, or `internal` if the code is a shortage of our own.
[[nodiscard]] Fault fault_of(const std::error_code& code, Fault fault);

}  // namespace ballast::base
