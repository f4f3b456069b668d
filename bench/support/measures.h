// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/results.h"
#include "support/target.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace ballast::bench {

/// Each function measures one target once and adds the figures. A target with nothing to measure is
/// skipped.

/// NOOPs, one after the other in each session.
void measure_commands(std::size_t sessions, const Target& target, Results& results);
/// The same in one session, while others are logged in and do nothing.
void measure_commands_among_idle(std::size_t idle, const Target& target, Results& results);
/// Four clients log in, under TLS if the target has it, and quit.
void measure_logins(std::string_view baseline, const Target& target, Results& results);
/// Four clients log in, download one file of this size, and quit.
void measure_short_sessions(std::size_t kibibytes, const Target& target, Results& results);
/// Four clients download files of this size, each client in one session.
void measure_files(std::size_t kibibytes, const Target& target, Results& results);
/// What large downloads leave to others: NOOPs of another session, and the first byte of a new
/// download.
void measure_fairness(const Target& target, Results& results);
/// Sessions that are logged in and do nothing, in ascending numbers: the memory of each, and the
/// processor time of all.
void measure_idle_sessions(const Target& target, const std::vector<std::size_t>& sessions,
                           Results& results);

}  // namespace ballast::bench
