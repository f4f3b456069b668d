// SPDX-License-Identifier: Apache-2.0
// What counting costs where it happens: nanoseconds of processor time, on one thread and on as many
// as there are cores, which all count the same. bench_compare shows what whole commands and
// sessions cost.

#include "metrics/backend_figures.h"
#include "metrics/commands.h"
#include "metrics/counters.h"
#include "metrics/exposition.h"
#include "metrics/transfers.h"
#include "support/options.h"
#include "support/results.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fmt/format.h>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace ballast;

constexpr std::uint64_t times = 2'000'000;
constexpr std::string_view alone = "one thread";
constexpr std::string_view together = "one on each core";

/// Processor time of the calling thread. Other programs do not change it.
double nanoseconds_used() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// Nanoseconds that one call took, with so many threads at it. `work` gets the number of the call.
double cost(std::size_t threads, const std::function<void(std::uint64_t)>& work) {
    std::atomic<bool> may_begin = false;
    std::vector<std::thread> running;
    std::vector<double> taken(threads);
    for (std::size_t i = 0; i < threads; ++i)
        running.emplace_back([&, i] {
            while (!may_begin) std::this_thread::yield();
            const auto began = nanoseconds_used();
            for (std::uint64_t k = 0; k < times; ++k) work(k);
            taken[i] = (nanoseconds_used() - began) / static_cast<double>(times);
        });
    may_begin = true;
    for (auto& thread : running) thread.join();
    return bench::median(taken);
}

void measure(std::string_view what, const std::function<void(std::uint64_t)>& work,
             bench::Results& results) {
    const auto name = fmt::format("{}, ns", what);
    results.add(name, alone, alone, cost(1, work));
    results.add(name, alone, together, cost(std::thread::hardware_concurrency(), work));
}

void measure_counting(bench::Results& results) {
    static metrics::BackendFigures figures;
    measure("nothing", [](std::uint64_t) {}, results);
    measure("a counter", [](std::uint64_t) { metrics::count(metrics::Counter::logins); }, results);
    measure(
        "a command by verb and class",
        [](std::uint64_t number) { metrics::count_command(number % 2 == 0 ? "RETR" : "XYZ", 226); },
        results);
    measure(
        "a time in a backend's histogram",
        [](std::uint64_t number) { figures.login.observe(number % 5'000'000); }, results);
    measure(
        "an ended transfer",
        [](std::uint64_t number) {
            metrics::transfers().add(metrics::Direction::download, metrics::Result::whole, number,
                                     std::chrono::milliseconds(5));
        },
        results);
}

/// The counters of the process and the figures of so many backends.
void measure_page(std::size_t backends, bench::Results& results) {
    const metrics::BackendFigures figures;
    const auto began = nanoseconds_used();
    metrics::Exposition page;
    page.add_counts();
    for (std::size_t i = 0; i < backends; ++i) {
        const auto address = fmt::format("192.0.2.1:{}", i);
        for (const auto family :
             {metrics::Family::backend_connect, metrics::Family::backend_greeting,
              metrics::Family::backend_login, metrics::Family::backend_first_byte,
              metrics::Family::backend_probe})
            page.add(family, {"pool", "backend", address}, figures.login.read());
    }
    const auto text = page.text();
    const auto name = fmt::format("a page of {} kB, ms", text.size() / 1000);
    results.add(name, alone, alone, (nanoseconds_used() - began) / 1e6);
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const auto options =
            bench::options_of(count, arguments, "Measures what counting costs.", {.rounds = 5});
        if (!options.has("metrics")) return EXIT_SUCCESS;
        bench::Results results;
        for (int round = 0; round < options.rounds; ++round) {
            measure_counting(results);
            for (const std::size_t backends : {2U, 100U}) measure_page(backends, results);
        }
        results.print();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_metrics: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
