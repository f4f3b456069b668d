// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_scheduler.h"

#include <algorithm>
#include <array>

namespace ballast::migrate {

namespace {

constexpr auto schedulers = std::to_array<Scheduler>({
    {"rr", "round-robin", Use::nothing, Outcome::mapped},
    {"wrr", "round-robin", Use::weights, Outcome::mapped},
    {"lc", "least-sessions", Use::nothing, Outcome::mapped,
     "it counts sessions, not data connections; least-transfers may be closer to the real load"},
    {"wlc", "least-sessions", Use::weights, Outcome::mapped,
     "it counts sessions, not data connections; least-transfers may be closer to the real load"},
    {"sed", "least-sessions", Use::weights, Outcome::approximated,
     "idle servers are taken in turn by weight, not the heaviest first"},
    {"nq", "least-sessions", Use::weights, Outcome::approximated,
     "an idle server is the least loaded anyway"},
    {"lblc", "least-sessions", Use::weights, Outcome::approximated,
     "it keeps a destination at one server, and a pool has one destination: check that this is "
     "what you want"},
    {"lblcr", "least-sessions", Use::weights, Outcome::approximated,
     "it keeps a destination at a few servers, and a pool has one destination: check that this is "
     "what you want"},
    {"sh", "source-hash", Use::weights, Outcome::approximated,
     "fewer clients move when servers change"},
    {"mh", "source-hash", Use::weights, Outcome::mapped, "both are consistent"},
    {"dh", "source-hash", Use::weights, Outcome::approximated,
     "it goes by the destination, of which a listener has one; here the client's address decides"},
    {"fo", "first", Use::order, Outcome::mapped,
     "the heaviest comes first, the others are backups"},
    {"ovf", "first", Use::overflow, Outcome::approximated,
     "the heaviest comes first, with max_sessions one above its weight"},
    {"twos", "random", Use::weights, Outcome::mapped, "the better of two random choices"},
});

}  // namespace

const Scheduler& scheduler_of(std::string_view name) {
    const auto* const found = std::ranges::find(schedulers, name, &Scheduler::name);
    return found == schedulers.end() ? *std::ranges::find(schedulers, "wlc", &Scheduler::name)
                                     : *found;
}

}  // namespace ballast::migrate
