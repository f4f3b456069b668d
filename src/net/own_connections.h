// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <memory>

/// The control connections that this process opened, by both ends. If one with the same two ends
/// arrives, a backend leads back to a listener. The source alone does not suffice, because a local
/// client may use the same port towards another destination. One table for the whole process; any
/// thread may call.
namespace ballast::net {

/// The entry of one such connection. Destroying it removes the entry.
using OwnConnection = std::shared_ptr<const void>;
[[nodiscard]] OwnConnection note_own_connection(const base::Address& from, const base::Address& to);
[[nodiscard]] bool is_own_connection(const base::Address& from, const base::Address& to);

}  // namespace ballast::net
