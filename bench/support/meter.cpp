// SPDX-License-Identifier: Apache-2.0
#include "support/meter.h"

#include <fmt/format.h>
#include <future>
#include <vector>

namespace ballast::bench {

namespace {

constexpr std::chrono::milliseconds slice{700};

}  // namespace

std::size_t sum_side_by_side(std::size_t count,
                             const std::function<std::size_t(std::size_t which)>& work) {
    std::vector<std::future<std::size_t>> running;
    running.reserve(count);
    for (std::size_t which = 0; which < count; ++which)
        running.push_back(std::async(std::launch::async, work, which));
    std::size_t sum = 0;
    for (auto& one : running) sum += one.get();
    return sum;
}

std::size_t repeat(const std::function<void()>& work) {
    const auto end = Meter::Clock::now() + slice;
    std::size_t times = 0;
    for (; Meter::Clock::now() < end; ++times) work();
    return times;
}

std::vector<double> joined(const std::vector<std::vector<double>>& parts) {
    std::vector<double> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

std::vector<double> times_side_by_side(std::size_t count,
                                       const std::function<void(std::size_t which)>& work) {
    std::vector<std::vector<double>> microseconds(count);
    sum_side_by_side(count, [&](std::size_t which) {
        return repeat([&] {
            const auto begin = Meter::Clock::now();
            work(which);
            microseconds[which].push_back(Meter::Seconds(Meter::Clock::now() - begin).count() *
                                          1e6);
        });
    });
    return joined(microseconds);
}

void add_rate(std::string_view what, std::string_view baseline, const Target& target,
              std::size_t times, const Meter& meter, Results& results) {
    const double seconds = meter.seconds();
    const double cpu = meter.cpu_seconds();
    results.add(fmt::format("{}, per second", what), baseline, target.name,
                static_cast<double>(times) / seconds, Better::more);
    if (meter.has_cpu())
        results.add(fmt::format("{}, own CPU, us each", what), bare_relay, target.name,
                    cpu / static_cast<double>(times) * 1e6);
}

}  // namespace ballast::bench
