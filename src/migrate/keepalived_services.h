// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/keepalived_blocks.h"
#include "migrate/lvs.h"

#include <vector>

namespace ballast::migrate {

/// The virtual servers of a keepalived.conf, with their groups of addresses written out. What is no
/// virtual server is left alone. Unknown words and addresses go to the report.
[[nodiscard]] std::vector<LvsService> read_services(const std::vector<Directive>& top,
                                                    Report& report);

/// The directive with its values, but without its block.
[[nodiscard]] Said said_of(const Directive& directive);

/// Reports a word that keepalived does not know, and so skips, with its block.
void tell_unknown(const Directive& directive, std::string_view context, Report& report);

}  // namespace ballast::migrate
