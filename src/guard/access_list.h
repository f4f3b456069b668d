// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"

namespace ballast::guard {

/// Whether clients from this address may use the listener. `deny_from` comes before `allow_from`.
/// Without `allow_from` all other addresses may.
[[nodiscard]] bool admits(const config::Listener& listener, const base::Ip& client);

}  // namespace ballast::guard
