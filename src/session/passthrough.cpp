// SPDX-License-Identifier: Apache-2.0
// A session whose TLS ends at the backend: its ClientHello is read to choose by, and from then on
// its control connection and its data connections are carried without being understood.
#include "backend/sealed.h"
#include "base/ascii.h"
#include "metrics/counters.h"
#include "session/limit_note.h"
#include "session/sealed_data.h"
#include "session/session.h"
#include "session/transfer_count.h"

#include <algorithm>
#include <fmt/format.h>
#include <list>
#include <optional>

namespace ballast::session {

namespace {

/// How often a session that shall stop looks whether its client's data have ended.
constexpr auto stop_look_interval = std::chrono::milliseconds(100);

std::string_view text_of(net::HelloError error) {
    switch (error) {
        case net::HelloError::not_tls: return "the client did not begin TLS";
        case net::HelloError::malformed: return "the ClientHello is malformed";
        case net::HelloError::too_long: return "the ClientHello is too long";
    }
    std::terminate();
}

/// Who ended the control connection, and how. Clients and servers that close without having read
/// everything reset it. That is not a failure: many do so after QUIT.
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

net::Alert alert_of(net::HelloError error) {
    return error == net::HelloError::not_tls ? net::Alert::unexpected_message
                                             : net::Alert::decode_error;
}

}  // namespace

loop::Task<> Session::pass_through(std::string auth) {
    const auto host = journal_.host();
    if (!auth.empty()) {
        const auto proceed = dialog_.answer();
        forget_login();
        // Behind AUTH comes the ClientHello or nothing.
        if (client_.has_deferred()) co_return co_await end_with("Commands behind AUTH.");
        co_await answer(proceed);
        if (is_over_) co_return;
    }
    sealed_.emplace(std::move(auth), nullptr);
    phase_ = Phase::securing;
    const auto hello = co_await hear_hello();
    if (!hello) co_return;
    // RFC 7151 3.2.2.
    if (!host.empty() && !hello->server_name.empty() &&
        !base::is_same_but_for_case(host, hello->server_name))
        co_return co_await send_alert(net::Alert::unrecognized_name,
                                      "HOST and the TLS handshake name different hosts");
    auto routing = route(settings_, {.user = {},
                                     .address = client_.peer().ip,
                                     .host = host,
                                     .server_name = hello->server_name,
                                     .certificate = {}});
    if (routing.refusal) {
        const auto* const route = routing.rejected_by;
        metrics::count(route != nullptr ? metrics::Counter::sessions_rejected
                                        : metrics::Counter::sessions_without_route);
        if (route != nullptr && route->counts_as_failure) count_failed_login({}, {});
        co_return co_await send_alert(
            net::Alert::access_denied,
            route != nullptr ? "rejected by " + route->where.key : "no route leads to a pool");
    }
    if (comes_from_ourselves()) {
        note_own_session(base::to_string(client_.peer()));
        co_return co_await send_alert(net::Alert::access_denied, "a backend leads back here");
    }
    phase_ = Phase::choosing;
    pool_ = surroundings_.pools.find(routing.pool);
    host_ = std::move(routing.host);
    user_.clear();
    tried_.clear();
    if (!co_await choose_backend()) co_return;
    seat_.logged_in(std::chrono::duration_cast<std::chrono::microseconds>(login_time_));
    surroundings_.ledger.login_succeeded(client_.peer().ip, connections_begun_,
                                         signal_.loop().now());
    metrics::count(metrics::Counter::sessions_passed_through);
    on_loan_ = {};
    report(log::Level::info, "passed through", {{"server_name", hello->server_name}});
    co_await carry_sealed();
}

/// Empty: there is none, and the client was told.
loop::Task<std::optional<net::ClientHello>> Session::hear_hello() {
    const auto deadline =
        loop::sooner(signal_.loop().after(settings_.client_hello_timeout), login_deadline_);
    for (;;) {
        if (auto hello = net::parse_client_hello(client_.unread())) {
            if (*hello) co_return std::move(**hello);
            co_await send_alert(alert_of(hello->error()), text_of(hello->error()));
            co_return std::nullopt;
        }
        const auto state = client_.receive(net::client_hello_bytes_max);
        if (state == net::Io::State::moved) continue;
        if (state != net::Io::State::would_block) {
            end_because("the client left before its ClientHello was whole");
            co_return std::nullopt;
        }
        const bool is_recalled = on_loan_ && recall_->is_called();
        if (stop_wanted_ || is_recalled || signal_.loop().now() >= deadline) {
            co_await send_alert(net::Alert::internal_error,
                                stop_wanted_  ? "the service is shutting down"
                                : is_recalled ? "too many sessions"
                                              : "the ClientHello took too long");
            co_return std::nullopt;
        }
        client_.watch();
        (void)co_await signal_.wait(deadline);
    }
}

/// The only words that a TLS client understands from who has no part in its handshake.
loop::Task<> Session::send_alert(net::Alert alert, std::string_view reason) {
    metrics::count(metrics::Counter::tls_handshakes_failed);
    report(log::Level::info, "not passed through", {{"reason", reason}});
    end_because(reason);
    client_.forget_unread();
    const auto words = net::fatal_alert(alert);
    (void)co_await net::write_all(client_.stream(), signal_, words, base::Fault::client,
                                  signal_.loop().after(settings_.write_timeout));
}

/// The seat's backend, up to the client's first words to it. The reply is what Ballast has said
/// already.
loop::Task<base::Result<ftp::Reply>> Session::try_sealed() {
    auto stream = co_await backend::connect_sealed(
        surroundings_.network, contact_of_seat(),
        {.host = host_, .auth = sealed_->auth, .first_bytes = std::string(client_.unread())},
        signal_);
    if (!stream) co_return std::unexpected(stream.error());
    pool_->pool->observe_success(seat_.backend().id);
    client_.forget_unread();
    sealed_->backend = std::move(*stream);
    co_return ftp::make_reply(234, "Proceed with the TLS handshake.");
}

loop::Task<> Session::carry_sealed() {
    phase_ = Phase::sealed;
    auto& loop = signal_.loop();
    const auto& backend = seat_.backend();
    std::unique_ptr<net::Admission> admission;
    std::shared_ptr<net::DataTraffic> traffic;
    if (const auto& ports = backend.settings->passive_ports) {
        admission = surroundings_.network.admit({.range = {*ports, client_.local().ip},
                                                 .client = client_.peer().ip,
                                                 .free_bind = settings_.free_bind});
        admission->attach(&signal_);
        traffic = admission->traffic();
    }
    std::optional<TransferCount> counted;
    std::list<SealedData> data;
    const auto take_data = [&] {
        for (const auto& each : data)
            if (each.is_over()) report_sealed_data(each);
        std::erase_if(data, [](const auto& each) { return each.is_over(); });
        while (auto arrived = admission ? admission->take() : nullptr) {
            if (data.size() >= net::Admissions::open_max) {
                // The oldest without a byte makes room: it may be anybody's of this address.
                const auto unused =
                    std::ranges::find_if(data, [](const auto& each) { return each.is_unused(); });
                metrics::count(metrics::Counter::data_connections_stray);
                if (unused == data.end()) {
                    arrived->reset();
                    continue;
                }
                data.erase(unused);
            }
            auto place = surroundings_.ledger.begin_transfer();
            if (!place) {
                reached(place.error());
                metrics::count(metrics::Counter::data_connections_stray);
                arrived->reset();
                continue;
            }
            const base::Address to{backend.address.ip, arrived->local().port};
            data.emplace_back(
                SealedData::Parts{
                    surroundings_.network,
                    {.to = to, .from = sealed_->backend->local().ip, .fault = base::Fault::backend},
                    pool_->pool->config().connect_timeout,
                    settings_.data_stall_timeout,
                    settings_.data_stall_bytes,
                    pool_->pool->config().final_reply_timeout,
                    seat_.byte_count(),
                    traffic,
                    std::move(*place),
                    throttle(),
                    signal_},
                std::move(arrived));
        }
        if (admission) admission->share() = static_cast<std::uint32_t>(data.size());
        if (data.empty())
            counted.reset();
        else if (!counted)
            counted.emplace(seat_, surroundings_.load);
    };
    const auto has_data = [&] { return traffic && traffic->open > 0; };
    relay::SealedReport control;
    // The reply to the last transfer of this address may be this session's, and cannot be read.
    // What the backend has said since the end began is taken for it.
    const auto awaits_reply = [&] {
        const auto ended_at = traffic ? traffic->ended_at.load() : loop::Time();
        return ended_at != loop::Time() && control.from_b_at < traffic->end_began_at.load() &&
               loop.now() < ended_at + pool_->pool->config().final_reply_timeout;
    };

    auto carrying = loop::Job::start(
        relay::relay_sealed(loop, client_.stream(), *sealed_->backend, {}, control), &signal_);
    bool control_has_ended = false;
    for (;;) {
        take_data();
        auto deadline = loop::never;
        if (!carrying.is_done()) {
            // A transfer may be anybody's of this address: its control connection is not idle.
            const auto idle_since =
                has_data() ? loop.now()
                           : std::max(control.moved_at,
                                      traffic ? traffic->ended_at.load() : control.moved_at);
            deadline = idle_since + settings_.idle_timeout;
            const bool is_idle = loop.now() >= deadline;
            if (is_idle || (stop_wanted_ && !has_data() && !awaits_reply())) {
                end_because(is_idle ? "Idle for too long." : "Service is shutting down.");
                break;
            }
            if (stop_wanted_) deadline = loop::sooner(deadline, loop.after(stop_look_interval));
        } else if (!std::exchange(control_has_ended, true)) {
            // No more data, and what is there may end.
            admission.reset();
            end_because(reason_of(control));
            if (control.has_failed) break_sealed();
        }
        if (carrying.is_done() && data.empty()) break;
        (void)co_await signal_.wait(deadline);
    }
}

/// One line for each, as for transfers.
void Session::report_sealed_data(const SealedData& data) {
    const auto& moved = data.report();
    ++transfers_done_;
    bytes_moved_ += moved.bytes_from_a + moved.bytes_from_b;
    report(log::Level::info, "data connection ended",
           {{"port", std::uint64_t{data.port()}},
            {"bytes_down", moved.bytes_from_b},
            {"bytes_up", moved.bytes_from_a},
            {"seconds", std::chrono::duration<double>(data.time()).count()},
            {"reason", data.problem()}},
           Repeats::all);
}

/// Nobody may take it for a proper end.
void Session::break_sealed() {
    client_.stream().reset();
    sealed_->backend->reset();
}

}  // namespace ballast::session
