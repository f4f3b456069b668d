// SPDX-License-Identifier: Apache-2.0
#include "cluster/fleet.h"

#include <random>
#include <utility>

namespace ballast::cluster {

Fleet::Fleet(loop::Loop& loop, Store& store, const net::Secret& secret, const Settings& settings,
             Parts parts)
    : exchange_(loop, store, secret, {settings.node, settings.heartbeat, settings.seed}),
      nodes_(
          exchange_, std::move(parts.look), [] {}, std::mt19937_64(settings.seed)()),
      states_(exchange_, std::move(parts.obey)) {
    exchange_.add(nodes_);
    exchange_.add(states_);
}

}  // namespace ballast::cluster
