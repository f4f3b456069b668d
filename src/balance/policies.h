// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/fastest.h"
#include "balance/first.h"
#include "balance/least_bandwidth.h"
#include "balance/least_sessions.h"
#include "balance/least_transfers.h"
#include "balance/named_policy.h"
#include "balance/random.h"
#include "balance/round_robin.h"
#include "balance/source_hash.h"
#include "balance/user_hash.h"

#include <array>

namespace ballast::balance {

template <typename P>
std::unique_ptr<Policy> make(const PolicyOptions& /*options*/) {
    return std::make_unique<P>();
}
template <typename P>
std::unique_ptr<Policy> make_hash(const PolicyOptions& options) {
    return std::make_unique<P>(options.hash_load_percent);
}
template <typename P>
std::unique_ptr<Policy> make_random(const PolicyOptions& options) {
    return std::make_unique<P>(options.seed);
}

/// All policies, in the order of the manual. A new one is two files and a row here.
inline constexpr auto policies = std::to_array<NamedPolicy>({
    {"round-robin", DecidedBy::load, make<RoundRobin>, "each in proportion to its weight"},
    {"least-transfers", DecidedBy::load, make<LeastTransfers>,
     "the one with the fewest running transfers for its weight"},
    {"least-sessions", DecidedBy::load, make<LeastSessions>,
     "the one with the fewest sessions for its weight"},
    {"least-bandwidth", DecidedBy::load, make<LeastBandwidth>,
     "the one that moves the fewest bytes per second for its weight"},
    {"fastest", DecidedBy::load, make<Fastest>,
     "the one that lately connected, greeted and logged in fastest"},
    {"random", DecidedBy::load, make_random<Random>, "the less busy of two that are drawn"},
    {"source-hash", DecidedBy::source, make_hash<SourceHash>,
     "the same one for the same client address"},
    {"user-hash", DecidedBy::user, make_hash<UserHash>, "the same one for the same user"},
    {"first", DecidedBy::order, make<First>,
     "the first one until it has its `max_sessions`, then the second, and so on"},
});

}  // namespace ballast::balance
