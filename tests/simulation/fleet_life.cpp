// SPDX-License-Identifier: Apache-2.0
#include "simulation/fleet_life.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ranges>
#include <utility>

namespace ballast::simulation {

namespace {

using namespace std::chrono_literals;
using pool::AdminState;

constexpr std::size_t clients_max = 40;
/// Longer than the longest pause between two attempts to open the store, and all that follows.
constexpr auto recovery = 20s;
/// Between decisions: more than nodes can be wrong about the store's clock.
constexpr auto between_decisions = 5s;
constexpr loop::Time never_ago{};
constexpr std::uint32_t users_sessions_max = 4;

std::string client_name(std::uint64_t number) { return fmt::format("192.0.2.{}", number + 1); }

}  // namespace

FleetLife::FleetLife(std::uint64_t seed, bool shows)
    : chance_(seed),
      shows_(shows),
      store_(clocks_.add(0h)),
      secret_(net::Secret::parse(std::string(64, 'k'), "simulation", "secret").value()),
      heartbeat_(chance_.pick({300ms, 500ms, 1000ms})),
      travel_most_(chance_.pick({0ms, 1ms, 20ms, 60ms})),
      has_clock_jumps_(chance_.percent(20)),
      trouble_began_(never_ago),
      reachable_since_(clocks_.now()) {
    store_.log_max = chance_.pick<std::size_t>({20, 1000, 1000});
    pool_.name = "files";
    pool_.stick.by = config::StickBy::network;
    pool_.stick.timeout = 1h;
    for (std::size_t i = 0; i < 1 + chance_.below(3); ++i) {
        config::Backend backend;
        backend.name = fmt::format("f{}", i);
        backend.host = fmt::format("10.0.0.{}", i + 1);
        backend.max_sessions = 1 + static_cast<std::uint32_t>(chance_.below(25));
        pool_.backends.push_back(std::move(backend));
    }
    limits_.failed_logins_per_address = 3;
    limits_.ban_time = 10h;
    limits_.sessions_per_user = users_sessions_max;
    const auto count = 2 + chance_.below(5);
    for (std::size_t i = 0; i < count; ++i) {
        auto& node = nodes_.emplace_back();
        node.name = fmt::format("n{}", i);
        // A clock that is wrong by years.
        node.loop = &clocks_.add(std::chrono::hours(chance_.below(9000)) * (i % 2 == 0 ? 1 : -1));
        node.link = std::make_unique<support::MemoryStore::Link>(store_, *node.loop);
        node.travel = travel_most_;
        node.link->travel = [this, &node] {
            if (chance_.percent(node.lost_percent)) return loop::Time::duration(-1);
            return loop::Time::duration(
                chance_.below(static_cast<std::uint64_t>(node.travel.count()) + 1));
        };
        start(node);
    }
}

FleetLife::~FleetLife() {
    for (auto& each : nodes_) each.process.reset();
}

void FleetLife::run() {
    live_for(3s);
    is_in_trouble_ = false;
    live_for(6s);
    const auto phases = 1 + chance_.below(3);
    for (std::size_t i = 0; i < phases && !testing::Test::HasFailure(); ++i) {
        live_for(chance_.moment(1s, 10s));
        begin_trouble();
        live_for(chance_.moment(500ms, 20s));
        end_trouble();
        live_for(recovery);
    }
    if (!testing::Test::HasFailure()) check_the_end();
}

void FleetLife::live_for(loop::Time::duration duration) {
    const auto until = clocks_.now() + duration;
    const auto longest = chance_.pick({10ms, 100ms, 500ms});
    while (clocks_.now() < until && !testing::Test::HasFailure()) {
        clocks_.run_for(chance_.moment(0ms, longest));
        look();
        happen();
    }
}

void FleetLife::note(const std::string& text) const {
    if (!shows_) return;
    fmt::print("{:>9.3f} {}\n",
               std::chrono::duration<double>(clocks_.now().time_since_epoch() - 10'000h).count(),
               text);
}

// What happens

void FleetLife::start(Node& node) {
    node.is_informed = false;
    node.begun.clear();
    node.process = std::make_unique<FleetProcess>(*node.loop, *node.link, *secret_,
                                                  FleetProcess::Settings{.node = node.name,
                                                                         .heartbeat = heartbeat_,
                                                                         .seed = chance_.seed(),
                                                                         .pool = pool_,
                                                                         .limits = limits_});
}

/// What it has not told is lost.
void FleetLife::end(std::size_t index) {
    note(fmt::format("{} dies", nodes_[index].name));
    ++tally_.deaths;
    nodes_[index].process.reset();
    const auto told_before = is_calm() ? clocks_.now() - recovery : trouble_began_ - recovery;
    for (auto& [backend, decided] : decided_)
        if (decided.node == index && decided.at > told_before) decided.is_certain = false;
    for (auto& [client, decided] : bans_)
        if (decided.node == index && decided.at > told_before) decided.is_certain = false;
    std::erase_if(forgotten_, [&](const auto& each) {
        return each.second.node == index && each.second.at > told_before;
    });
}

FleetLife::Node* FleetLife::any_alive() {
    auto& node = nodes_[chance_.below(nodes_.size())];
    return node.process ? &node : nullptr;
}

void FleetLife::happen() {
    const auto what = chance_.below(100);
    if (what < 55) return begin_session();
    if (what < 92) return end_session();
    if (what < 95) return decide();
    if (what < 97) return ban();
    if (what < 98) return lift();
    forget();
}

std::size_t FleetLife::index_of(const Node& node) const {
    const auto found = std::ranges::find(nodes_, node.name, &Node::name);
    return static_cast<std::size_t>(found - nodes_.begin());
}

void FleetLife::begin_session() {
    auto* const node = any_alive();
    if (node == nullptr) return;
    const auto client = client_name(chance_.below(clients_max));
    const auto backend = node->process->begin_session(client);
    if (!backend) {
        ++tally_.refused;
        return;
    }
    ++tally_.sessions;
    forgotten_.erase(client);
    used_at_[client] = clocks_.now();
    node->begun[*backend].push_back(clocks_.now());
    note(fmt::format("{} gets {} at {}", client, *backend, node->name));
    const auto index = index_of(*node);
    check_limit(index, *backend);
}

void FleetLife::end_session() {
    auto* const node = any_alive();
    if (node == nullptr || node->process->sessions().empty()) return;
    auto& sessions = node->process->sessions();
    const auto which =
        std::next(sessions.begin(), static_cast<std::ptrdiff_t>(chance_.below(sessions.size())));
    used_at_[which->client] = clocks_.now();
    note(fmt::format("{} leaves {} at {}", which->client, which->seat.backend().name, node->name));
    sessions.erase(which);
}

void FleetLife::decide() {
    auto* const node = any_alive();
    if (node == nullptr) return;
    const auto& backend = pool_.backends[chance_.below(pool_.backends.size())].name;
    // Rarely anything but ready, or nobody gets in.
    const auto state = chance_.pick({AdminState::ready, AdminState::ready, AdminState::draining});
    const auto index = index_of(*node);
    const auto former = decided_.find(backend);
    if (former != decided_.end() && clocks_.now() - former->second.at < between_decisions &&
        chance_.percent(98))
        return;
    // After a decision that may be lost, or that another clock made, the next one may lose to it.
    const bool is_clear =
        former == decided_.end() || clocks_.now() - former->second.at > between_decisions;
    node->process->decide(backend, state);
    decided_[backend] = {.state = state,
                         .at = clocks_.now(),
                         .node = index,
                         .is_certain = is_clear && !has_clock_jumps_};
    note(fmt::format("{} is {} by {}", backend, pool::to_string(state), node->name));
}

void FleetLife::forget() {
    auto* const node = any_alive();
    if (node == nullptr) return;
    const auto client = client_name(chance_.below(clients_max));
    for (const auto& each : nodes_)
        if (each.process)
            for (const auto& session : each.process->sessions())
                if (session.client == client) return;
    if (clocks_.now() - used_at_[client] < between_decisions) return;
    if (!node->process->pool().forget_client({base::Ip::parse(client).value(), {}})) return;
    const auto index = index_of(*node);
    if (!has_clock_jumps_) forgotten_[client] = {.node = index, .at = clocks_.now()};
    note(fmt::format("{} is forgotten at {}", client, node->name));
}

void FleetLife::ban() {
    auto* const node = any_alive();
    if (node == nullptr) return;
    const auto client = client_name(chance_.below(clients_max));
    if (node->process->has_banned(client)) return;
    for (std::uint32_t i = 0; i <= limits_.failed_logins_per_address; ++i)
        node->process->fail(client);
    EXPECT_TRUE(node->process->has_banned(client));
    note(fmt::format("{} is banned at {}", client, node->name));
    decided_ban(index_of(*node), client, true);
}

void FleetLife::lift() {
    auto* const node = any_alive();
    if (node == nullptr) return;
    for (std::uint64_t i = 0; i < clients_max; ++i) {
        const auto client = client_name(i);
        if (!node->process->has_banned(client) || chance_.percent(50)) continue;
        node->process->lift(client);
        note(fmt::format("{} is not banned any more at {}", client, node->name));
        return decided_ban(index_of(*node), client, false);
    }
}

void FleetLife::decided_ban(std::size_t node, const std::string& client, bool is_banned) {
    const auto former = bans_.find(client);
    const bool is_clear =
        former == bans_.end() || clocks_.now() - former->second.at > between_decisions;
    bans_[client] = {.is_banned = is_banned,
                     .at = clocks_.now(),
                     .node = node,
                     .is_certain = is_clear && !has_clock_jumps_};
}

void FleetLife::begin_trouble() {
    is_in_trouble_ = true;
    trouble_began_ = clocks_.now();
    for (std::size_t i = 0; i < 1 + chance_.below(3); ++i) {
        auto& node = nodes_[chance_.below(nodes_.size())];
        switch (chance_.below(8)) {
            case 0:
                note("the store is away");
                store_.is_away = true;
                break;
            case 1:
                note("the store is full");
                store_.is_full = true;
                break;
            case 2:
                note("the store is wiped");
                ++tally_.wipes;
                store_.wipe();
                // What was forgotten is not kept by anybody but the store.
                std::erase_if(forgotten_, [&](const auto& each) {
                    return each.second.at > trouble_began_ - recovery;
                });
                break;
            case 3:
                note(node.name + " is cut off");
                node.link->is_cut = true;
                break;
            case 4:
                note(node.name + " is slow");
                node.travel = 900ms;
                break;
            case 5:
                note(node.name + " loses messages");
                node.lost_percent = 20;
                break;
            case 6:
                if (!has_clock_jumps_) break;
                note("the store's clock jumps");
                store_.clock += std::chrono::hours(chance_.below(48)) - 24h;
                break;
            default:
                // The first one never dies, so that what the store loses is known to somebody.
                if (&node != &nodes_.front() && node.process) end(index_of(node));
        }
    }
}

void FleetLife::end_trouble() {
    note("the trouble ends");
    store_.is_away = false;
    store_.is_full = false;
    for (auto& each : nodes_) {
        each.link->is_cut = false;
        each.travel = travel_most_;
        each.lost_percent = 0;
        if (!each.process) start(each);
    }
    is_in_trouble_ = false;
    reachable_since_ = clocks_.now();
}

// What must be true

void FleetLife::look() {
    const bool are_reachable = std::ranges::all_of(nodes_, [](const auto& each) {
        return each.process && each.process->fleet().store().is_reachable;
    });
    if (is_in_trouble_ || !are_reachable) reachable_since_ = clocks_.now();
    if (is_calm())
        for (auto& each : nodes_) each.is_informed = true;
}

/// Nothing that was lost during the trouble is waited for any more.
bool FleetLife::is_calm() const {
    return !is_in_trouble_ && clocks_.now() - reachable_since_ > store_.timeout + 3s;
}

/// All nodes know what the others had at that moment, or later.
loop::Time FleetLife::horizon() const {
    // A heartbeat, then the ways of the claim, of the write, and of the news.
    // If the news are cut short, nodes read all tables in between.
    const auto ways = store_.log_max < 1000 ? 40 : 10;
    const auto lag = heartbeat_ + heartbeat_ / cluster::Loads::ticks_per_beat + ways * travel_most_;
    return is_calm() ? clocks_.now() - lag : trouble_began_ - lag;
}

/// A node that lets a client in has counted its own sessions, and those that the others had at the
/// horizon. So the limit is exceeded by no more than what the others have let in since. What
/// nodes have that this one does not see at all comes on top.
void FleetLife::check_limit(std::size_t at, const std::string& backend) {
    const auto& node = nodes_[at];
    const auto max =
        std::ranges::find(pool_.backends, backend, &config::Backend::name)->max_sessions;
    const auto since = horizon();
    std::uint64_t sessions = 0;
    std::uint64_t unknown = 0;
    for (auto& each : nodes_) {
        if (!each.process) continue;
        const auto here = each.process->sessions_on(backend);
        sessions += here;
        if (&each == &node) continue;
        auto& begun = each.begun[backend];
        while (!begun.empty() && begun.front() <= trouble_began_ - 1min) begun.pop_front();
        const auto lately = static_cast<std::uint64_t>(
            std::ranges::count_if(begun, [&](auto when) { return when > since; }));
        const bool is_known = node.is_informed && node.process->sees(each.name);
        unknown += is_known ? std::min<std::uint64_t>(here, lately) : here;
    }
    if (sessions <= max) return;
    ++tally_.exceeded;
    if (is_calm()) ++tally_.exceeded_in_calm;
    if (sessions - max > unknown)
        ADD_FAILURE() << node.name << " let a client in on " << backend << ": " << sessions
                      << " sessions where " << max << " may be, and only " << unknown
                      << " that it could not know of\n"
                      << views_of(node, backend);
}

std::string FleetLife::views_of(const Node& node, const std::string& backend) const {
    std::string text;
    for (const auto& status : node.process->pool().status())
        if (status.backend.settings->name == backend)
            text += fmt::format("its pool counts {} elsewhere\n", status.sessions_elsewhere);
    for (const auto& each : node.process->fleet().nodes())
        for (const auto& load : each.facts.loads)
            if (load.backend == backend)
                text += fmt::format(
                    "it heard of {} at {}, {} s ago\n", load.sessions, each.name,
                    std::chrono::duration<double>(node.loop->now() - each.heard_at).count());
    for (const auto& each : nodes_)
        text += fmt::format("{} has {}\n", each.name,
                            each.process ? each.process->sessions_on(backend) : 0);
    return text;
}

void FleetLife::check_the_end() {
    ASSERT_TRUE(is_calm());
    // Nobody does anything now; then all know the same. What a gap in the news has lost comes with
    // the slices of the table. A heartbeat takes longer than it should where each way is long.
    clocks_.run_for((cluster::Counts::slices + 3) * (heartbeat_ + 20 * travel_most_));
    check_users();
    for (auto& node : nodes_) {
        EXPECT_EQ(node.process->fleet().nodes().size(), nodes_.size()) << node.name;
        for (const auto& status : node.process->pool().status()) {
            const auto& backend = status.backend.settings->name;
            std::uint32_t elsewhere = 0;
            for (auto& other : nodes_)
                if (&other != &node) elsewhere += other.process->sessions_on(backend);
            EXPECT_EQ(status.sessions_elsewhere, elsewhere) << node.name << ": " << backend;
        }
        for (const auto& [backend, decided] : decided_) {
            const auto state = node.process->state_of(backend);
            EXPECT_EQ(state, nodes_.front().process->state_of(backend))
                << node.name << ": " << backend;
            if (!decided.is_certain) continue;
            ++tally_.decisions_checked;
            EXPECT_EQ(state, decided.state) << node.name << ": " << backend;
        }
        check_bans(node);
        for (const auto& [client, forgotten] : forgotten_) {
            ++tally_.forgotten_checked;
            EXPECT_FALSE(node.process->pool().remembered({base::Ip::parse(client).value(), {}}))
                << node.name << " knows " << client << " again";
        }
    }
}

void FleetLife::check_bans(const Node& node) {
    for (const auto& [client, decided] : bans_) {
        const bool is_banned = node.process->has_banned(client);
        EXPECT_EQ(is_banned, nodes_.front().process->has_banned(client))
            << node.name << ": " << client;
        if (!decided.is_certain) continue;
        ++(decided.is_banned ? tally_.bans_checked : tally_.lifts_checked);
        EXPECT_EQ(is_banned, decided.is_banned) << node.name << ": " << client;
    }
}

/// Each node knows how many sessions each user has at all of them.
void FleetLife::check_users() {
    std::map<std::string, std::uint32_t> sessions;
    for (auto& each : nodes_)
        for (const auto& session : each.process->sessions()) ++sessions[session.client];
    for (std::uint64_t i = 0; i < clients_max; ++i) {
        const auto client = client_name(i);
        for (auto& node : nodes_) {
            ++tally_.users_checked;
            EXPECT_EQ(node.process->lets_in(client), sessions[client] < users_sessions_max)
                << node.name << ": " << client << " has " << sessions[client];
        }
    }
}

}  // namespace ballast::simulation
