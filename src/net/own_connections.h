// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <memory>

/// The control connections that this process has begun, by both ends: one that arrives between the
/// same two is a backend that leads back to a listener. The source alone would not do, since a
/// client of this machine may have the same port towards another destination. Of the whole process;
/// any thread may call.
namespace ballast::net {

/// Holds the place of one such connection until it is destroyed.
using OwnConnection = std::shared_ptr<const void>;
[[nodiscard]] OwnConnection note_own_connection(const base::Address& from, const base::Address& to);
[[nodiscard]] bool is_own_connection(const base::Address& from, const base::Address& to);

}  // namespace ballast::net
