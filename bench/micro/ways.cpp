// SPDX-License-Identifier: Apache-2.0
#include "base/owned_fd.h"
#include "micro/micro.h"
#include "nat/rules.h"
#include "net/socket.h"
#include "support/socket.h"
#include "support/trouble.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <span>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <vector>

namespace ballast::bench {

namespace {

using Clock = std::chrono::steady_clock;
using Change = nat::Rules::Change;

base::Ip address(std::string_view text) { return base::Ip::parse(text).value(); }

Change change(std::size_t number, bool adds) {
    const auto port = static_cast<std::uint16_t>(20000 + number);
    return {.way = {.from = address("192.0.2.2"),
                    .at = {address("192.0.2.1"), port},
                    .to = {address("198.51.100.11"), port},
                    .source = {address("198.51.100.1"), 0}},
            .adds = adds,
            .lifetime = std::chrono::minutes(1)};
}

bool is_done(nat::Rules& rules, std::span<const Change> changes) {
    for (const auto& refused : rules.apply(changes))
        if (refused) return false;
    return true;
}

/// The time of one way, of `count` in a batch.
void change_rules(benchmark::State& state, std::size_t count, bool adds) {
    auto rules = nat::Rules::open();
    if (!rules) return state.SkipWithError(base::to_string(rules.error()).c_str());
    std::vector<Change> additions;
    std::vector<Change> removals;
    for (std::size_t number = 0; number < count; ++number) {
        additions.push_back(change(number, true));
        removals.push_back(change(number, false));
    }
    for (auto _ : state) {
        const auto begin = Clock::now();
        const bool is_added = is_done(**rules, additions);
        const auto middle = Clock::now();
        if (!is_added || !is_done(**rules, removals))
            return state.SkipWithError("the kernel refuses a rule");
        const auto end = Clock::now();
        const std::chrono::duration<double> took = adds ? middle - begin : end - middle;
        state.SetIterationTime(took.count() / static_cast<double>(count));
    }
}

/// The same for the two connections of a relay. The connect includes the answer of the other end's
/// kernel, which is this one.
void connect_as_relay(benchmark::State& state, bool begins) {
    const auto front = Socket::listening();
    const auto back = Socket::listening();
    const base::OwnedFd watch(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
    for (auto _ : state) {
        const auto client = Socket::connected(front.port());
        const auto begin = Clock::now();
        std::optional<base::OwnedFd> near(check(
            ::accept4(front.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC), "accept4"));
        std::optional far = Socket::connected(back.port());
        for (const int socket : {near->get(), far->get()}) {
            epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.fd = socket}};
            check(::epoll_ctl(watch.get(), EPOLL_CTL_ADD, socket, &event), "epoll_ctl");
        }
        const auto middle = Clock::now();
        const auto server = back.accepted();
        // Otherwise closed connections would keep their ports for a minute.
        net::reset_on_close(near->get());
        net::reset_on_close(far->get());
        const auto before_end = Clock::now();
        near.reset();
        far.reset();
        const std::chrono::duration<double> took =
            begins ? middle - begin : Clock::now() - before_end;
        state.SetIterationTime(took.count());
    }
}

}  // namespace

void register_ways() {
    if (const auto rules = nat::Rules::open(); !rules) {
        fmt::print("Left out: forwarding rules: {}\n", base::to_string(rules.error()));
        return;
    }
    using benchmark::RegisterBenchmark;
    for (const std::size_t count : {1U, 16U})
        for (const bool adds : {true, false})
            RegisterBenchmark(
                fmt::format("way/a forwarding rule is {}, {}", adds ? "added" : "removed",
                            count == 1 ? "alone" : fmt::format("one of {}", count))
                    .c_str(),
                [count, adds](benchmark::State& state) { change_rules(state, count, adds); })
                ->UseManualTime();
    for (const bool begins : {true, false})
        RegisterBenchmark(begins ? "way/a relay accepts and connects" : "way/a relay closes both",
                          [begins](benchmark::State& state) { connect_as_relay(state, begins); })
            ->UseManualTime();
}

}  // namespace ballast::bench
