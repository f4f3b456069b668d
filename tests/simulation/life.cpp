// SPDX-License-Identifier: Apache-2.0
#include "simulation/life.h"

#include "balance/policies.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <utility>

namespace ballast::simulation {

namespace {

using namespace std::chrono_literals;

/// Looking costs more than a turn, and what is wrong stays wrong for longer than a few turns.
constexpr std::uint64_t turns_between_looks = 32;

/// Longer than all timeouts together.
constexpr auto aftermath = 20min;

}  // namespace

Life::Life(std::uint64_t seed, bool shows)
    : chance_(seed), trace_(loop_, shows), bytes_max_(20'000), disturbed_(loop_), stop_due_(loop_) {
    network_.shape = draw_shape();
    if (network_.shape.slice_bytes != 0) bytes_max_ = 400;
    has_tls_ = chance_.percent(20);
    pools_ = 1 + chance_.below(3);
    servers_each_ = 1 + chance_.below(4);
    are_alike_ = chance_.percent(60);
    // Larger than the first sample of a download.
    if (are_alike_ && network_.shape.slice_bytes == 0 && chance_.percent(30)) bytes_max_ = 300'000;
    servers_.emplace(network_, trace_, chance_.seed(), pools_, servers_each_, bytes_max_,
                     are_alike_);
    balancer_.emplace(network_, trace_, chance_.seed(), draw_settings());
    scene_.emplace(Scene{loop_, network_, trace_, book_, *servers_, *balancer_, bytes_max_});
    auditor_.emplace(*scene_);
    const auto count = 5 + chance_.below(26);
    for (std::size_t i = 0; i < count; ++i) clients_.emplace_back(*scene_, i, chance_.seed());
}

/// The clients' ends of the connections go first, as when a machine loses them.
Life::~Life() {
    disturbing_.cancel();
    stopping_.cancel();
    clients_.clear();
}

void Life::run() {
    for (auto& client : clients_) client.start();
    disturbing_ = loop::Job::start(disturb());
    if (chance_.percent(15)) stopping_ = loop::Job::start(stop_midway());
    const bool has_come_to_an_end = loop_.run_until([this] { return has_ended(); }, 2h);
    if (testing::Test::HasFailure()) return;
    EXPECT_TRUE(has_come_to_an_end) << "clients are left";
    disturbing_.cancel();
    balancer_->end_probes();
    loop_.run_for(aftermath);
    auditor_->look_at_the_end();
}

bool Life::has_ended() {
    if (loop_.turns() >= looked_at_turn_ + turns_between_looks) {
        looked_at_turn_ = loop_.turns();
        auditor_->look();
    }
    if (testing::Test::HasFailure()) return true;
    return std::ranges::all_of(clients_, [](const auto& client) { return client.is_done(); });
}

// What there is

support::Shape Life::draw_shape() {
    support::Shape shape;
    shape.pipe_bytes = chance_.pick<std::size_t>({512, 4096, 65536});
    if (chance_.percent(10)) shape.slice_bytes = chance_.pick<std::size_t>({1, 7, 100});
    return shape;
}

Settings Life::draw_settings() {
    Settings made;
    made.listener = draw_listener();
    made.sessions_max =
        chance_.percent(80) ? 100 : 3 + static_cast<std::uint32_t>(chance_.below(10));
    made.limits.sessions_per_address = 1 + static_cast<std::uint32_t>(chance_.below(20));
    made.limits.failed_logins_per_address = 1 + static_cast<std::uint32_t>(chance_.below(30));
    if (chance_.percent(20)) made.limits.login_rate_per_address = 1;
    if (chance_.percent(20)) made.limits.user_bandwidth = 20'000;
    for (std::size_t i = 0; i < pools_; ++i) made.pools.push_back(draw_pool(i));
    return made;
}

config::Listener Life::draw_listener() {
    config::Listener made;
    made.name = "ftp";
    made.bind = {base::Address::parse("192.0.2.1:21").value()};
    for (std::size_t i = 0; i < 3; ++i) {
        config::Route route;
        route.match.user = {fmt::format("u{}-*", i)};
        route.pool = fmt::format("p{}", i % pools_);
        made.routes.push_back(std::move(route));
    }
    made.passive_ports = {20'000, static_cast<std::uint16_t>(20'000 + chance_.below(40))};
    made.login_timeout = chance_.moment(10s, 60s);
    made.idle_timeout = chance_.moment(15s, 120s);
    made.write_timeout = chance_.moment(5s, 20s);
    made.data_connect_timeout = chance_.moment(3s, 15s);
    made.data_stall_timeout = chance_.moment(5s, 40s);
    made.data_stall_bytes = 1;
    if (has_tls_) {
        made.tls.emplace();
        made.tls->session_reuse =
            chance_.pick({config::SessionReuse::required, config::SessionReuse::preferred});
        made.tls->handshake_timeout = 5s;
    }
    if (chance_.percent(20)) made.session_bandwidth = 10'000;
    if (chance_.percent(10)) made.bandwidth = 50'000;
    if (chance_.percent(10)) made.command_rate = 5;
    if (chance_.percent(20)) made.max_sessions = 2 + static_cast<std::uint32_t>(chance_.below(10));
    return made;
}

config::Pool Life::draw_pool(std::size_t number) {
    config::Pool made;
    made.name = fmt::format("p{}", number);
    made.balance = &balance::policies.at(chance_.below(balance::policies.size()));
    if (number + 1 < pools_ && chance_.percent(30)) made.fallback = fmt::format("p{}", number + 1);
    if (chance_.percent(40)) {
        made.stick.by = chance_.pick({config::StickBy::user, config::StickBy::network});
        made.stick.timeout = chance_.moment(1s, 60s);
        if (chance_.percent(30)) made.stick.otherwise = config::StickOtherwise::refuse;
    }
    made.queue.length = static_cast<std::uint32_t>(chance_.below(6));
    made.queue.timeout = chance_.moment(1s, 20s);
    if (chance_.percent(20)) made.slow_start = 20s;
    made.observe.failures = static_cast<std::uint32_t>(chance_.below(4));
    made.observe.ejection_time = 10s;
    made.probe = draw_probe();
    using config::BackendData;
    made.backend_data = chance_.percent(50)
                            ? BackendData::automatic
                            : chance_.pick({BackendData::epsv, BackendData::pasv, BackendData::port,
                                            BackendData::eprt, BackendData::as_client});
    made.data_ports = base::PortRange{21'000, 21'019};
    if (are_alike_) {
        using config::Failover;
        made.failover = chance_.pick({Failover::off, Failover::session, Failover::transfer,
                                      Failover::transfer, Failover::transfer});
        made.failover_timeout = chance_.moment(2s, 20s);
        made.failover_samples = 10'000;
        made.failover_trust = chance_.percent(20);
        made.failover_rate = chance_.pick({1.0, 10.0, 200.0});
        if (chance_.percent(20)) made.rebalance = 1;
    }
    if (chance_.percent(30)) made.warm = static_cast<std::uint32_t>(chance_.below(3));
    made.greeting_timeout = chance_.moment(2s, 10s);
    made.reply_timeout = chance_.moment(5s, 20s);
    made.long_reply_timeout = chance_.moment(10s, 30s);
    made.final_reply_timeout = chance_.moment(5s, 30s);
    for (std::size_t i = 0; i < servers_each_; ++i) {
        if (i > 0 && chance_.percent(20)) continue;
        config::Backend backend;
        backend.name = fmt::format("p{}b{}", number, i);
        backend.host = fmt::format("10.0.{}.{}", number, 11 + i);
        backend.weight = 1 + static_cast<std::uint32_t>(chance_.below(4));
        if (chance_.percent(50))
            backend.max_sessions = 1 + static_cast<std::uint32_t>(chance_.below(4));
        backend.backup = chance_.percent(15);
        if (chance_.percent(10)) backend.bandwidth = 30'000;
        made.backends.push_back(std::move(backend));
    }
    return made;
}

config::Probe Life::draw_probe() {
    using config::ProbeType;
    config::Probe made;
    made.type =
        chance_.pick({ProbeType::none, ProbeType::tcp, ProbeType::banner, ProbeType::login});
    made.user = "probe";
    made.quiet = chance_.percent(30);
    if (chance_.percent(30)) made.list = "/";
    made.interval = chance_.moment(4s, 30s);
    made.timeout = chance_.moment(1s, 4s);
    made.rise = 1 + static_cast<std::uint32_t>(chance_.below(2));
    made.fall = 1 + static_cast<std::uint32_t>(chance_.below(3));
    return made;
}

// What happens

loop::Task<> Life::disturb() {
    const auto rest = chance_.pick({2s, 10s, 60s});
    for (;;) {
        (void)co_await disturbed_.wait(loop_.after(chance_.moment(100ms, rest)));
        happen();
    }
}

/// The daemon stops while clients are there, and does not wait for all of them.
loop::Task<> Life::stop_midway() {
    (void)co_await stop_due_.wait(loop_.after(chance_.moment(10s, 80s)));
    trace_.note("balancer", "stops");
    balancer_->stop();
    (void)co_await stop_due_.wait(loop_.after(chance_.moment(0s, 20s)));
    trace_.note("balancer", "ends");
    balancer_->end();
}

void Life::happen() {
    const auto what = chance_.below(10);
    if (what < 4) return servers_->change();
    if (what < 8) return administer();
    trace_.note("balancer", "reloads");
    balancer_->configure(draw_settings());
}

void Life::administer() {
    using pool::AdminState;
    const auto state =
        chance_.pick({AdminState::ready, AdminState::ready, AdminState::ready, AdminState::draining,
                      AdminState::draining_move, AdminState::draining_idle, AdminState::disabled});
    if (chance_.percent(5)) {
        trace_.note("balancer", fmt::format("all are {}", pool::to_string(state)));
        return balancer_->administer_all(state);
    }
    const auto& server = servers_->all()[chance_.below(servers_->all().size())];
    const bool is_done = balancer_->administer(fmt::format("p{}", server.pool), server.name, state);
    trace_.note(server.name,
                fmt::format("{} {}", is_done ? "is" : "cannot be", pool::to_string(state)));
}

}  // namespace ballast::simulation
