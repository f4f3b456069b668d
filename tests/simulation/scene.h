// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulation/balancer.h"
#include "simulation/book.h"
#include "simulation/servers.h"
#include "simulation/trace.h"

namespace ballast::simulation {

/// What all clients of one life share.
struct Scene {
    support::TestLoop& loop;
    support::MemoryNetwork& network;
    Trace& trace;
    Book& book;
    Servers& servers;
    Balancer& balancer;
    std::size_t bytes_max;  ///< of a file
};

}  // namespace ballast::simulation
