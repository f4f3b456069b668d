// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <memory>

/// Where the control connections come from that this process has begun: one that arrives from there
/// is a backend that leads back to a listener. Of the whole process; any thread may call.
namespace ballast::net {

/// Holds the place of one such connection until it is destroyed.
using OwnConnection = std::shared_ptr<const void>;
[[nodiscard]] OwnConnection note_own_connection(const base::Address& local);
[[nodiscard]] bool is_own_connection(const base::Address& from);

}  // namespace ballast::net
