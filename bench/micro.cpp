// SPDX-License-Identifier: Apache-2.0
// What the smallest parts cost: parsers, policies, passive ports, the loop, the relay and the
// kernel's rules, with Google Benchmark.

#include "micro/micro.h"

#include "support/options.h"
#include "support/results.h"
#include "support/run.h"

#include <array>
#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace ballast::bench;

/// Puts what Google Benchmark has measured among the results.
class Reporter final : public benchmark::BenchmarkReporter {
public:
    explicit Reporter(Results& results) : results_(results) {}

    bool ReportContext(const Context& /*context*/) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const auto& run : runs) {
            const std::string_view name = run.run_name.function_name;
            if (run.error_occurred)
                throw std::runtime_error(fmt::format("{}: {}", name, run.error_message));
            const auto row = name.find('/') + 1;
            const auto column = name.find('/', row);
            const auto table = name.substr(0, row - 1);
            results_.add(column == std::string_view::npos
                             ? fmt::format("{}, ns", table)
                             : fmt::format("{}, {}, ns", table, name.substr(column + 1)),
                         "", name.substr(row, column - row), run.GetAdjustedRealTime());
        }
    }

private:
    Results& results_;
};

}  // namespace

int main(int count, char** arguments) {
    try {
        const Options options = options_of(
            count, arguments, "Measures the smallest parts with Google Benchmark.", {.rounds = 3});
        if (!options.has("micro")) return EXIT_SUCCESS;
        const auto machine = prepare(options);
        register_parsers();
        register_policies();
        register_passive_ports();
        register_loop();
        register_relay();
        if (machine.has_own_network) register_ways();
        Results results;
        Reporter reporter(results);
        std::string shortest = "--benchmark_min_time=0.05";
        std::array<char*, 2> flags{arguments[0], shortest.data()};
        auto flag_count = static_cast<int>(flags.size());
        benchmark::Initialize(&flag_count, flags.data());
        for (int round = 0; round < options.rounds; ++round)
            benchmark::RunSpecifiedBenchmarks(&reporter);
        report("micro", options, machine, {}, results);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_micro: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
