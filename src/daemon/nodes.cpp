// SPDX-License-Identifier: Apache-2.0
#include "daemon/nodes.h"

#include "base/log.h"
#include "daemon/node_ports.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>
#include <utility>

namespace ballast::daemon {

namespace {

constexpr std::string_view replaced_state = "replaced";

/// "20000-20099 30000"
std::string text_of(const std::vector<base::PortRange>& ports) {
    std::string all;
    for (const auto& range : ports) all += (all.empty() ? "" : " ") + base::to_string(range);
    return all;
}

admin::NodeState state_of(const cluster::Node& node, bool reaches_store) {
    using Seconds = std::chrono::duration<double>;
    const auto silence = std::chrono::steady_clock::now() - node.heard_at;
    const auto age = silence + node.facts.uptime;
    const auto began =
        std::chrono::system_clock::now() - std::chrono::duration_cast<admin::Moment::duration>(age);
    // What is known of others is as old as the last contact.
    const auto* const store = reaches_store ? "connected" : node.is_self ? "lost" : "unknown";
    return {.name = node.name,
            .is_self = node.is_self,
            .state = node.facts.state,
            .store = store,
            .version = node.facts.version,
            .address = node.facts.address,
            .ports = node.facts.passive_ports,
            .since = began,
            .heartbeat_age = node.is_self ? std::nullopt : std::optional(Seconds(silence).count()),
            .sessions = node.facts.sessions,
            .transfers = node.facts.transfers};
}

void log_obeyed(const cluster::Decision& decision) {
    std::vector<log::Field> fields = {{"node", std::string_view(decision.node)},
                                      {"pool", std::string_view(decision.pool)},
                                      {"backend", std::string_view(decision.backend)}};
    if (decision.state) fields.push_back({"state", pool::to_string(*decision.state)});
    if (decision.tuning) {
        const auto add = [&](std::string_view name, std::optional<std::uint32_t> value) {
            if (value) fields.push_back({name, std::uint64_t{*value}});
        };
        add("weight", decision.tuning->weight);
        add("max_sessions", decision.tuning->max_sessions);
    }
    log::write_each(log::Level::info, "an operator has decided at another node", fields);
}

}  // namespace

std::string node_name(const config::Cluster& cluster) {
    if (!cluster.node.empty()) return cluster.node;
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    return name.data();
}

Nodes::Nodes(const config::Cluster& cluster, Parts parts)
    : name_(node_name(cluster)),
      address_(cluster.address),
      probes_for_all_(cluster.probes == config::Probing::one),
      parts_(std::move(parts)) {}

void Nodes::stop_answering() {
    if (fleet_) fleet_->stop_answering();
}

Nodes::~Nodes() {
    if (auto* const prober = parts_.serving.prober()) prober->set_tell({});
}

base::Result<> Nodes::open(const config::Cluster& cluster, std::uint64_t seed) {
    if (!cluster.has_store()) return {};
    auto secret = net::Secret::load(cluster.secret_file, cluster.name);
    if (!secret) return std::unexpected(secret.error());
    auto store = cluster::RedisStore::create(parts_.network, cluster);
    if (!store) return std::unexpected(store.error());
    secret_ = std::move(*secret);
    store_ = std::move(*store);
    fleet_.emplace(
        parts_.control, *store_, *secret_,
        cluster::Fleet::Settings{
            .node = name_,
            .heartbeat = std::chrono::duration_cast<std::chrono::milliseconds>(cluster.heartbeat),
            .seed = seed},
        cluster::Fleet::Parts{.look = [this] { return look(); },
                              .obey = [this](const auto& decision) { return obey(decision); },
                              .answer = parts_.answer,
                              .ledger = parts_.ledger,
                              .probing = probing()});
    return {};
}

void Nodes::start() {
    if (!fleet_) return;
    share_what_is_served();
    tell_probes();
    fleet_->start();
}

void Nodes::reloaded() {
    if (!fleet_) return;
    share_what_is_served();
    if (const auto read = store_->reload(); !read)
        log::write_each(
            log::Level::warning,
            "the files of the store cannot be read again: what they held before is used",
            {{"reason", base::to_string(read.error())}});
}

void Nodes::share_what_is_served() {
    std::vector<std::shared_ptr<pool::Pool>> pools;
    for (const auto& served : parts_.serving.pools().all()) pools.push_back(served.pool);
    fleet_->set_pools(std::move(pools));
    std::vector<cluster::Tickets::Listener> listeners;
    for (auto& each : parts_.serving.tls()->generated_ticket_keys())
        listeners.push_back({std::move(each.listener), std::move(each.keys)});
    fleet_->set_listeners(std::move(listeners));
}

cluster::Probes::Parts Nodes::probing() const {
    if (!probes_for_all_) return {};
    return {.set_silent =
                [this](const std::string& pool, bool wanted) {
                    if (auto* const prober = parts_.serving.prober())
                        prober->set_silent(pool, wanted);
                },
            .take =
                [this](const cluster::ProbeOutcome& outcome) {
                    if (auto* const prober = parts_.serving.prober())
                        (void)prober->take({outcome.pool, outcome.backend, outcome.address,
                                            outcome.problem, outcome.took});
                }};
}

void Nodes::tell_probes() {
    auto* const prober = parts_.serving.prober();
    if (!probes_for_all_ || prober == nullptr) return;
    prober->set_tell([this](const health::Prober::Outcome& outcome) {
        fleet_->probed(
            {outcome.pool, outcome.backend, outcome.address, outcome.problem, outcome.took});
    });
}

void Nodes::give_name_away() {
    is_replaced_ = true;
    if (fleet_) fleet_->go_on_as(fmt::format("{}.{}", name_, ::getpid()));
}

void Nodes::take_name_back() {
    is_replaced_ = false;
    if (fleet_) fleet_->go_on_as(name_);
}

loop::Task<> Nodes::leave() {
    if (fleet_) co_await fleet_->leave();
}

cluster::NodeFacts Nodes::look() const {
    const auto load = parts_.operators.load();
    return {.version = BALLAST_VERSION,
            .state = std::string(is_replaced_ ? replaced_state
                                              : pool::to_string(parts_.operators.state())),
            .address = address_,
            .passive_ports = text_of(node_ports(*parts_.serving.config())),
            .sessions = load.sessions,
            .transfers = load.transfers,
            .loads = {}};
}

/// What is in force already is no news: the store repeats it to a node that connects again.
bool Nodes::obey(const cluster::Decision& decision) {
    const auto* const served = parts_.serving.pools().find(decision.pool);
    if (served == nullptr) return false;
    const auto names = served->pool->names();
    const auto named = std::ranges::find(
        names, decision.backend, [](const auto& each) { return std::string_view(each.name); });
    if (named == names.end()) return false;
    const bool has_state = !decision.state || named->admin == *decision.state;
    const bool has_tuning =
        !decision.tuning || served->pool->tuning(decision.backend) == *decision.tuning;
    if (has_state && has_tuning) return true;
    log_obeyed(decision);
    if (!has_state) {
        const Inheritance::Decision here{decision.pool, decision.backend, *decision.state};
        if (!parts_.operators.administer(here)) return false;
        if (!is_replaced_) parts_.note(here);  // the file of states is the other process's
    }
    if (!has_tuning) parts_.operators.tune({decision.pool, decision.backend, *decision.tuning});
    return true;
}

std::vector<admin::NodeState> Nodes::all() const {
    std::vector<admin::NodeState> states;
    if (!fleet_) {
        states.push_back(state_of(
            {.name = name_, .facts = look(), .heard_at = parts_.control.now(), .is_self = true},
            true));
        states.back().store = "none";
    } else {
        for (const auto& node : fleet_->nodes())
            states.push_back(state_of(node, fleet_->store().is_reachable));
    }
    states.front().since = began_;
    return states;
}

loop::Task<base::Result<std::string>> Nodes::ask(std::string node, std::string question,
                                                 loop::Time::duration patience) {
    if (!fleet_)
        co_return std::unexpected(base::Error{base::Fault::internal, {}, "there is no store"});
    co_return co_await fleet_->ask(std::move(node), std::move(question), patience);
}

void Nodes::add_to(admin::Actions& actions) {
    actions.nodes = [this] { return all(); };
    actions.ask_node = [this](auto node, auto question, auto patience) {
        return ask(std::move(node), std::move(question), patience);
    };
    actions.share_state = [this](auto pool, auto backend, auto state) {
        if (fleet_)
            fleet_->decided(
                {.pool = std::string(pool), .backend = std::string(backend), .state = state});
    };
    actions.tune = [this, tune = std::move(actions.tune)](auto pool, auto backend, auto what,
                                                          auto value) {
        if (!tune(pool, backend, what, value)) return false;
        if (const auto* const served = parts_.serving.pools().find(pool); fleet_ && served)
            fleet_->decided({.pool = std::string(pool),
                             .backend = std::string(backend),
                             .tuning = served->pool->tuning(backend)});
        return true;
    };
    actions.metrics = [this, look = std::move(actions.metrics)] {
        auto snapshot = look();
        snapshot.cluster = figures();
        return snapshot;
    };
}

std::optional<admin::MetricsSnapshot::Cluster> Nodes::figures() const {
    if (!fleet_) return std::nullopt;
    return admin::MetricsSnapshot::Cluster{.nodes = fleet_->nodes().size(),
                                           .is_store_reachable = fleet_->store().is_reachable};
}

}  // namespace ballast::daemon
