// SPDX-License-Identifier: Apache-2.0
#include "session/kernel_data.h"

#include "metrics/counters.h"
#include "session/passive_way.h"
#include "session/throttle.h"

#include <chrono>
#include <utility>

namespace ballast::session {

namespace {

/// How long the kernel may take to accept a rule, or to remove it. It takes microseconds, unless
/// somebody else changes a large ruleset meanwhile.
constexpr auto kernel_patience = std::chrono::seconds(1);

bool is_on_link(const base::Ip& ip) { return ip.scope() != 0; }

/// Port that an active data connection comes from, as clients see it; 0: any.
std::uint16_t source_port(const Context& context) {
    const auto& source = context.settings.active_source_port;
    const auto control_port = context.client.local().port;
    if (source.kind == config::ActiveSource::Kind::fixed) return source.port;
    if (source.kind == config::ActiveSource::Kind::below_control && control_port > 1)
        return static_cast<std::uint16_t>(control_port - 1);
    return 0;
}

/// Opens the way and waits for the kernel's answer.
loop::Task<> open(Context& context, nat::Way way) {
    auto& data = context.client_data;
    data.passage = context.surroundings.forwarder->open(way, context.signal);
    const auto due = context.loop().after(kernel_patience);
    const auto is_opening = [&] {
        return data.passage->carried().state == nat::Carried::State::opening;
    };
    while (is_opening() && context.now() < due) (void)co_await context.signal.wait(due);
    data.is_at_backend = true;
    if (!is_opening() && data.passage->carried().state != nat::Carried::State::refused) co_return;
    metrics::count(metrics::Counter::forwardings_refused);
    context.report_fault(
        base::Blame::ballast, "the kernel does not forward a data connection",
        {{"reason", is_opening() ? "it did not answer in time" : data.passage->carried().problem},
         {"cure", "ballast check"}});
    // If it answers late, nobody may be led past then.
    if (is_opening()) data.take_passage_back();
    data.passage.reset();
    data.is_at_backend = false;
    data.relayed_because = "the kernel refused to forward it";
}

}  // namespace

bool may_use_kernel(const Context& context) {
    return context.surroundings.forwarder != nullptr &&
           context.settings.data_path != config::Carrier::relay;
}

PathFacts path_facts(const Context& context, const Failover& failover, const Login& login,
                     DataMode mode, bool is_upload) {
    const auto& pool = context.assignment.settings();
    const auto& leg = context.leg();
    const auto client = context.client.peer().ip;
    const auto backend = leg.address().ip;
    const bool is_active = mode == DataMode::active;
    const bool client_is_protected = context.dialog.protects_data();
    const auto is_exact = [](const config::DataPeer& peer) {
        return peer.kind == config::DataPeer::Kind::exact;
    };
    const auto is_own = [](const base::Ip& ip, const base::Ip& ours) {
        return ip.is_loopback() || ip == ours || is_on_link(ip);
    };
    return {
        .is_forwarding = context.surroundings.forwarder->forwards(client.family()),
        .client_is_protected = client_is_protected,
        .backend_is_protected = leg.shall_protect_data(client_is_protected),
        .follows_client = leg.follows_client(),
        .may_be_resumed = failover.moves_transfers() && !is_upload,
        .is_limited = throttle_of(context, login.routed_pool(), login.user()).is_limited(),
        .is_proxied = context.surroundings.proxy.has_value(),
        .has_open_peer = !is_exact(is_active ? pool.data_peer : context.settings.data_peer),
        .is_third_party = is_active && context.client_data.active->ip != client,
        .is_transparent = leg.is_transparent(),
        .sends_proxy = pool.send_proxy != config::ProxyHeader::off,
        .has_two_families = client.family() != backend.family(),
        .is_near = is_own(client, context.client.local().ip) || is_own(backend, leg.local().ip),
        .lacks_port = is_active && !pool.data_ports,
    };
}

loop::Task<std::optional<base::Error>> open_passive_passage(Context& context) {
    auto& leg = context.leg();
    auto& data = context.client_data;
    if (auto learnt = co_await leg.learn_noop(); !learnt) co_return std::move(learnt.error());
    auto refusal = co_await leg.protect_data(false);
    std::optional<base::Address> named;
    if (!refusal) {
        auto answer = co_await leg.ask_data_address();
        if (answer)
            named = *answer;
        else
            refusal = std::move(answer.error());
    }
    if (refusal && refusal->control_is_lost) co_return std::move(refusal->error);
    const auto way = named ? passive_way({.client = context.client.peer().ip,
                                          .told = {context.client.local().ip, data.lease->port()},
                                          .named = *named,
                                          .source = leg.local().ip})
                           : std::nullopt;
    if (way)
        co_await open(context, *way);
    else
        data.relayed_because = "the server names no data port that packets may be sent to";
    co_return std::nullopt;
}

loop::Task<FormerWay> settle_former_passage(Context& context) {
    const auto due = context.loop().after(kernel_patience);
    const auto& former = context.client_data.former_passage;
    const auto may_lead = [&] { return nat::may_lead(former->carried().state); };
    if (!former) co_return FormerWay::gone;
    while (may_lead() && context.now() < due) (void)co_await context.signal.wait(due);
    if (may_lead()) co_return FormerWay::stays;
    const auto settled = std::move(context.client_data.former_passage);
    if (!nat::is_used(settled->carried().state)) co_return FormerWay::gone;
    settled->cut();
    co_return FormerWay::used;
}

loop::Task<> open_active_passage(Context& context) {
    auto& leg = context.leg();
    auto& data = context.client_data;
    auto refusal = co_await leg.protect_data(false);
    if (!refusal) {
        auto lease = co_await leg.offer_data_port();
        if (lease)
            data.backend_lease = std::move(*lease);
        else
            refusal = std::move(lease.error());
    }
    // If the backend is lost, the relay notices that too.
    if (refusal) {
        data.relayed_because = "the server takes no PORT or EPRT";
        co_return;
    }
    co_await open(context, {.from = leg.address().ip,
                            .at = {leg.local().ip, data.backend_lease->port()},
                            .to = *data.active,
                            .source = {context.client.local().ip, source_port(context)}});
    if (!data.passage) data.backend_lease.reset();
}

}  // namespace ballast::session
