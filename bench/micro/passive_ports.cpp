// SPDX-License-Identifier: Apache-2.0
#include "net/passive_ports.h"

#include "micro/micro.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <fmt/format.h>

namespace ballast::bench {

namespace {

base::Ip address(std::string_view text) { return base::Ip::parse(text).value(); }

/// One transfer after the other, while other clients wait at `waiting` ports of 1,000.
void lend(benchmark::State& state, std::uint32_t waiting) {
    const base::PortRange range{.first = 20000, .last = 20999};
    const auto local = address("192.0.2.1");
    const net::DataPeers client{.address = address("198.51.100.7"), .network = {}};
    const auto now = loop::Time(std::chrono::hours(1));
    net::PassivePorts ports(1);
    for (std::uint32_t i = 0; i < waiting; ++i) {
        const auto lent = ports.lend(range, local, client, 0, now);
        if (lent) ports.keep({local, lent->port}, client.address, lent->id, loop::never);
    }
    for (auto _ : state) {
        const auto lent = ports.lend(range, local, client, 0, now);
        if (!lent) return state.SkipWithError("no port is free");
        const net::PassivePorts::Key key{local, lent->port};
        ports.keep(key, client.address, lent->id, loop::never);
        benchmark::DoNotOptimize(ports.arrived(key, client.address, now));
        ports.give_back(key, client.address, lent->id, now);
    }
}

}  // namespace

void register_passive_ports() {
    for (const std::uint32_t waiting : {0U, 500U, 990U})
        benchmark::RegisterBenchmark(
            fmt::format("each/a passive port, lent and used; the client waits at {} of 1000",
                        waiting)
                .c_str(),
            [waiting](benchmark::State& state) { lend(state, waiting); });
}

}  // namespace ballast::bench
