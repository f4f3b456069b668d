// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"

namespace ballast::guard {

/// Whether clients of this address may use the listener: `deny_from` counts before `allow_from`,
/// and without `allow_from` everybody else may.
[[nodiscard]] bool admits(const config::Listener& listener, const base::Ip& client);

}  // namespace ballast::guard
