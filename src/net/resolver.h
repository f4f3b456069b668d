// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"

#include <chrono>
#include <string>
#include <vector>

namespace ballast::net {

/// Looks names up, IPv4 and IPv6, over c-ares. Blocks for as long as `timeout`: for threads on
/// which nothing waits, never for a worker. An address is its own answer. The addresses are sorted
/// and without duplicates; a failure is the backend's fault.
[[nodiscard]] base::Result<std::vector<base::Ip>> resolve(const std::string& name,
                                                          std::chrono::milliseconds timeout);

}  // namespace ballast::net
