// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/keepalived_blocks.h"

#include <string>
#include <vector>

namespace ballast::migrate {

/// Whether the file has a VRRP instance, which keepalived goes on with.
[[nodiscard]] bool has_instance(const std::vector<Directive>& top);

/// The keepalived.conf that remains of `file`: all that concerns VRRP, and a script in each
/// instance that asks `ballast health`. Empty if there is no VRRP.
[[nodiscard]] std::string remainder_of(const std::vector<Directive>& top, const std::string& file);

}  // namespace ballast::migrate
