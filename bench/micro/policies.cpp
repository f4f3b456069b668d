// SPDX-License-Identifier: Apache-2.0
#include "balance/policies.h"

#include "micro/micro.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <random>
#include <string>
#include <vector>

namespace ballast::bench {

namespace {

/// Busy backends, hardly two alike.
std::vector<balance::Candidate> candidates(std::size_t count) {
    std::mt19937 random(1);
    std::vector<balance::Candidate> all;
    for (std::size_t i = 0; i < count; ++i)
        all.push_back({.id = (std::uint64_t{random()} << 32) + random(),
                       .weight = 100,
                       .sessions = static_cast<std::uint32_t>(random() % 100),
                       .transfers = static_cast<std::uint32_t>(random() % 20),
                       .bytes_per_second = random() % 100'000'000,
                       .login_microseconds = 500 + random() % 5'000});
    return all;
}

void pick(benchmark::State& state, const balance::NamedPolicy& named, std::size_t count) {
    const auto ready = candidates(count);
    const auto policy = named.make({.hash_load_percent = 125, .seed = 1});
    balance::Client client;
    for (auto _ : state) {
        ++client.source;
        ++client.user;
        benchmark::DoNotOptimize(policy->pick(ready, client));
    }
}

}  // namespace

void register_policies() {
    for (const auto& named : balance::policies)
        for (const std::size_t count : {1U, 10U, 100U, 2000U}) {
            const auto name =
                fmt::format("policy/{}/{} backend{}", named.name, count, count == 1 ? "" : "s");
            benchmark::RegisterBenchmark(name.c_str(), [&named, count](benchmark::State& state) {
                pick(state, named, count);
            });
        }
}

}  // namespace ballast::bench
