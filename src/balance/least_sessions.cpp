// SPDX-License-Identifier: Apache-2.0
#include "balance/least_sessions.h"

namespace ballast::balance {

namespace {

std::strong_ordering order(const Candidate& a, const Candidate& b) {
    return compare_for_weight(a.sessions, a.weight, b.sessions, b.weight);
}

}  // namespace

LeastSessions::LeastSessions() : least_(order) {}

std::size_t LeastSessions::pick(std::span<const Candidate> ready, const Client& client) {
    return least_.pick(ready, client);
}

}  // namespace ballast::balance
