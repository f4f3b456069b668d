// SPDX-License-Identifier: Apache-2.0
#include "session/passthrough.h"

#include "backend/sealed.h"
#include "base/ascii.h"
#include "metrics/counters.h"
#include "session/backend_contact.h"
#include "session/limit_note.h"
#include "session/route.h"
#include "session/sealed_traffic.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

/// While stopping, how often a session checks whether its client's data have ended.
constexpr auto stop_look_interval = std::chrono::milliseconds(100);

std::string_view text_of(net::HelloError error) {
    switch (error) {
        case net::HelloError::not_tls: return "the client did not begin TLS";
        case net::HelloError::malformed: return "the ClientHello is malformed";
        case net::HelloError::too_long: return "the ClientHello is too long";
    }
    std::terminate();
}

net::Alert alert_of(net::HelloError error) {
    return error == net::HelloError::not_tls ? net::Alert::unexpected_message
                                             : net::Alert::decode_error;
}

/// Who ended the control connection, and how. A peer that closes with bytes unread resets it. That
/// is not a failure, because many peers do so after QUIT.
std::string reason_of(const relay::SealedReport& control) {
    const bool has_ended = control.ended_first != relay::Party::nobody;
    const auto party = has_ended ? control.ended_first : control.broke;
    const std::string who = party == relay::Party::a ? "the client" : "the backend";
    if (has_ended) return who + " closed the connection";
    const auto& error = control.error;
    if (!error || error == std::errc::connection_reset || error == std::errc::broken_pipe)
        return who + " reset the connection";
    return fmt::format("the connection to {} broke: {}", who, error.message());
}

}  // namespace

loop::Task<> Passthrough::run() {
    context_.set_phase(Phase::securing);
    const auto hello = co_await hear_hello();
    if (!hello || !co_await route_by(*hello)) co_return;
    context_.set_phase(Phase::choosing);
    auto placed = co_await placement_.find();
    if (!placed) co_return co_await tell_unplaced(placed.error());
    context_.assignment = std::move(placed->assignment);
    context_.assignment.seat().logged_in(
        std::chrono::duration_cast<std::chrono::microseconds>(placed->time));
    context_.ledger().login_succeeded(context_.client.peer().ip, placement_.connections_begun(),
                                      context_.now());
    placement_.end();
    metrics::count(metrics::Counter::sessions_passed_through);
    context_.place.keep();
    context_.report(log::Level::info, "passed through", {{"server_name", hello->server_name}});
    context_.story.note(context_.now(), Fact::passed_through,
                        {context_.pool_name(), context_.backend_name(), hello->server_name});
    co_await carry();
}

/// False: the client may not use any pool, and was told.
loop::Task<bool> Passthrough::route_by(const net::ClientHello& hello) {
    // RFC 7151 3.2.2.
    if (!host_said_.empty() && !hello.server_name.empty() &&
        !base::is_same_but_for_case(host_said_, hello.server_name)) {
        co_await send_alert(net::Alert::unrecognized_name,
                            "HOST and the TLS handshake name different hosts");
        co_return false;
    }
    auto routing = route(context_.settings, {.user = {},
                                             .address = context_.client.peer().ip,
                                             .host = host_said_,
                                             .server_name = hello.server_name,
                                             .certificate = {}});
    if (routing.refusal) {
        const auto* const route = routing.rejected_by;
        metrics::count(route != nullptr ? metrics::Counter::sessions_rejected
                                        : metrics::Counter::sessions_without_route);
        if (route != nullptr && route->counts_as_failure) context_.count_failed_login({}, {});
        co_await send_alert(net::Alert::access_denied, route != nullptr
                                                           ? "rejected by " + route->where.key
                                                           : "no route leads to a pool");
        co_return false;
    }
    if (context_.comes_from_ourselves()) {
        note_own_session(base::to_string(context_.client.peer()));
        co_await send_alert(net::Alert::access_denied, "a backend leads back here");
        co_return false;
    }
    context_.story.note(context_.now(), Fact::routed,
                        {routing.pool, name_of_route(routing), routing.user, routing.host});
    host_ = std::move(routing.host);
    placement_.begin(*context_.surroundings.pools->find(routing.pool), {});
    co_return true;
}

/// Empty: there is no valid one, and the client was told.
loop::Task<std::optional<net::ClientHello>> Passthrough::hear_hello() {
    auto& client = context_.client;
    const auto deadline = loop::sooner(
        context_.loop().after(context_.settings.client_hello_timeout), context_.login_deadline);
    for (;;) {
        if (auto hello = net::parse_client_hello(client.unread())) {
            if (*hello) co_return std::move(**hello);
            co_await send_alert(alert_of(hello->error()), text_of(hello->error()));
            co_return std::nullopt;
        }
        const auto state = client.receive(net::client_hello_bytes_max);
        if (state == net::Io::State::moved) continue;
        if (state != net::Io::State::would_block) {
            context_.end_because("the client left before its ClientHello was whole");
            co_return std::nullopt;
        }
        const bool is_stopping = context_.is_stop_wanted();
        const bool is_recalled = context_.place.is_recalled();
        if (is_stopping || is_recalled || context_.now() >= deadline) {
            co_await send_alert(net::Alert::internal_error,
                                is_stopping   ? "the service is shutting down"
                                : is_recalled ? "too many sessions"
                                              : "the ClientHello took too long");
            co_return std::nullopt;
        }
        client.watch();
        (void)co_await context_.signal.wait(deadline);
    }
}

loop::Task<> Passthrough::tell_unplaced(Unplaced why) {
    const auto text = text_of(why);
    const auto* const end = std::get_if<WaitEnd>(&why);
    if (end != nullptr && *end == WaitEnd::client_left) co_return context_.end_because(text);
    co_await send_alert(net::Alert::internal_error, text);
}

/// Before a handshake, a TLS client understands only an alert.
loop::Task<> Passthrough::send_alert(net::Alert alert, std::string_view reason) {
    metrics::count(metrics::Counter::tls_handshakes_failed);
    context_.report(log::Level::info, "not passed through", {{"reason", reason}});
    context_.end_because(reason);
    auto& client = context_.client;
    client.forget_unread();
    const auto words = net::fatal_alert(alert);
    (void)co_await net::write_all(client.stream(), context_.signal, words, base::Fault::client,
                                  context_.loop().after(context_.settings.write_timeout));
}

bool Passthrough::hear() {
    const auto state = context_.client.receive(net::client_hello_bytes_max);
    return state != net::Io::State::ended && state != net::Io::State::failed;
}

void Passthrough::watch() {
    if (context_.client.unread().size() < net::client_hello_bytes_max) context_.client.watch();
}

loop::Task<base::Result<ftp::Reply>> Passthrough::introduce(Assignment& assignment) {
    auto stream = co_await backend::connect_sealed(
        context_.network(), contact_of(context_, assignment),
        {.host = host_, .auth = auth_, .first_bytes = std::string(context_.client.unread())},
        context_.signal);
    if (!stream) co_return std::unexpected(stream.error());
    assignment.pool().pool->observe_success(assignment.backend().id);
    context_.client.forget_unread();
    backend_ = std::move(*stream);
    co_return ftp::make_reply(234, "Proceed with the TLS handshake.");
}

loop::Task<> Passthrough::carry() {
    context_.set_phase(Phase::sealed);
    SealedTraffic data(context_, backend_->local().ip);
    relay::SealedReport control;
    auto carrying = loop::Job::start(
        relay::relay_sealed(context_.loop(), context_.client.stream(), *backend_, {}, control),
        &context_.signal);
    bool control_has_ended = false;
    for (;;) {
        if (context_.assignment.is_disabled() || context_.is_cut()) {
            context_.end_because(context_.is_cut() ? cut_text : out_of_service_text);
            // Neither side may take this for a proper end. The data are reset as well.
            context_.client.stream().reset();
            backend_->reset();
            break;
        }
        data.look();
        auto deadline = loop::never;
        if (!carrying.is_done()) {
            const auto now = context_.now();
            // The data may be this session's, so it does not count as idle.
            const auto idle_since =
                data.has_data() ? now : std::max(control.moved_at, data.ended_at());
            deadline = idle_since + context_.settings.idle_timeout;
            const bool is_idle = now >= deadline;
            const bool must_leave = context_.assignment.must_leave();
            const bool is_stopping = context_.is_stop_wanted() || must_leave;
            if (is_idle ||
                (is_stopping && !data.has_data() && !data.awaits_reply(control.from_b_at))) {
                context_.end_because(is_idle      ? "Idle for too long."
                                     : must_leave ? out_of_service_text
                                                  : "Service is shutting down.");
                break;
            }
            if (is_stopping)
                deadline = loop::sooner(deadline, context_.loop().after(stop_look_interval));
        } else if (!std::exchange(control_has_ended, true)) {
            data.close();
            context_.end_because(reason_of(control));
            if (control.has_failed) {
                // Neither side may take this for a proper end.
                context_.client.stream().reset();
                backend_->reset();
            }
        }
        if (carrying.is_done() && data.is_empty()) break;
        (void)co_await context_.signal.wait(deadline);
    }
}

}  // namespace ballast::session
