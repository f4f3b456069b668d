// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/results.h"
#include "support/target.h"

#include <cstddef>
#include <string_view>

namespace ballast::bench {

/// Each function measures one target once and adds the figures. A target with nothing to measure is
/// skipped.

/// One command after the other.
void measure_commands(const Target& target, Results& results);
/// Four clients log in, under TLS if the target has it, and quit.
void measure_logins(std::string_view baseline, const Target& target, Results& results);
/// Four clients download small files, each client in one session.
void measure_files(const Target& target, Results& results);
/// Sessions that are logged in and do nothing.
void measure_idle_sessions(const Target& target, std::size_t sessions, Results& results);

}  // namespace ballast::bench
