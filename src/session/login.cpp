// SPDX-License-Identifier: Apache-2.0
// A session's login: choosing a backend at USER, trying the next one while nothing of the first has
// been shown to the client, and following the backend's word on who is logged in.
#include "metrics/counters.h"
#include "session/session.h"

#include <fmt/format.h>

namespace ballast::session {

namespace {

/// After so many 530 the session ends: a client that guesses passwords must at least connect anew,
/// since each of its USERs may reach a backend that has not counted the earlier ones.
constexpr std::uint32_t failed_logins_max = 3;

/// The client's address decides, for policies that look at it.
std::uint64_t affinity_of(const base::Ip& client) { return std::hash<base::Ip>{}(client); }

base::Error has_no_room(std::string_view verb, const ftp::Reply& reply) {
    // The text behind PASS might repeat the password.
    return {base::Fault::backend,
            {},
            fmt::format("{}: 421 {}", verb, verb == "PASS" ? "" : reply.message())};
}

}  // namespace

/// USER: everything is known that can decide. A second USER before login is routed anew.
loop::Task<> Session::log_in(ftp::Command user) {
    phase_ = Phase::choosing;
    leave_backend();
    tried_.clear();
    user_line_ = user.line;
    dialog_.set_login(Dialog::Login::none);
    auto reply = co_await choose_backend();
    if (!reply) co_return;
    co_await follow_login(std::move(user), std::move(*reply));
}

loop::Task<std::optional<ftp::Reply>> Session::choose_backend() {
    std::string last_reason;
    const balance::Client client{affinity_of(client_.peer().ip), 0};
    for (;;) {
        auto seat = surroundings_.pool->choose(client, tried_);
        if (!seat) {
            metrics::count(metrics::Counter::sessions_without_backend);
            report(log::Level::warning, "no backend for a session",
                   {{"pool", surroundings_.pool->config().name},
                    {"reason", pool::to_string(seat.error())},
                    {"last", last_reason}});
            co_await end_with(
                fmt::format("Service not available: {}.", pool::to_string(seat.error())));
            co_return std::nullopt;
        }
        seat_ = std::move(*seat);
        if (signal_.loop().now() >= login_deadline_) {
            co_await end_with("Service not available: log-in took too long.");
            co_return std::nullopt;
        }
        auto reply = co_await try_backend();
        if (reply) co_return std::move(*reply);
        last_reason = base::to_string(reply.error());
        give_up_backend(reply.error());
    }
}

/// Connects to the backend of the present seat and says USER. A 421 is an error like a refused
/// connection: the next backend may have room. Any other answer is the client's to hear.
loop::Task<base::Result<ftp::Reply>> Session::try_backend() {
    const auto& chosen = seat_.backend();
    auto leg = co_await backend::Leg::connect(
        surroundings_.network,
        surroundings_.access.contact(chosen.index, chosen.id, chosen.address),
        client_.tls() != nullptr, signal_);
    if (!leg) co_return std::unexpected(leg.error());
    backend_ = std::move(*leg);
    if (const auto survey = backend_->known().survey();
        survey && survey->features.has("HOST") && !journal_.host().empty()) {
        auto host = co_await backend_->command("HOST " + journal_.host());
        if (!host) co_return std::unexpected(host.error());
        if (host->is_negative()) co_return std::move(*host);  // RFC 7151 3.1: 504 and the like
    }
    auto reply = co_await backend_->command(user_line_);
    if (reply && reply->code == 421) co_return std::unexpected(has_no_room("USER", *reply));
    co_return reply;
}

/// The seat's backend could not serve the login: noted, and not tried again for this login. Only a
/// failed connection is held against its health; one that says 421 is alive and full.
void Session::give_up_backend(const base::Error& error) {
    const auto reason = base::to_string(error);
    metrics::count(metrics::Counter::backend_attempts_failed);
    report(log::Level::warning, "backend failed before login, the next is tried",
           {{"reason", reason}});
    if (error.code && error.fault == base::Fault::backend)
        surroundings_.pool->observe_failure(seat_.backend().id, reason);
    tried_.push_back(seat_.backend().id);
    leave_backend();
}

loop::Task<> Session::credential(ftp::Command command) {
    if (command.verb == "USER") {
        user_line_ = command.line;
        tried_.clear();
    }
    auto reply = co_await backend_->command(command.line);
    const bool logged_in = dialog_.login() == Dialog::Login::done;
    if (!reply && logged_in) co_return co_await lose_backend(reply.error());
    // Nothing of this backend has been shown to the client yet but "331 password please".
    if (!reply) co_return co_await retry_login(std::move(command), reply.error());
    if (reply->code == 421 && !logged_in)
        co_return co_await retry_login(std::move(command), has_no_room("PASS", *reply));
    co_await follow_login(std::move(command), std::move(*reply));
}

/// The backend went away, or found itself full, at PASS: the next one hears USER and PASS.
loop::Task<> Session::retry_login(ftp::Command password, base::Error error) {
    phase_ = Phase::choosing;
    give_up_backend(error);
    auto user_reply = co_await choose_backend();
    if (!user_reply) co_return;
    if (user_reply->code != 331 || password.verb != "PASS")
        co_return co_await follow_login({"USER", {}, user_line_}, std::move(*user_reply));
    co_await credential(std::move(password));
}

loop::Task<> Session::follow_login(ftp::Command command, ftp::Reply reply) {
    const bool was_logged_in = dialog_.login() == Dialog::Login::done;
    if (command.verb == "USER") journal_.note(command, reply);
    if (reply.kind() == 3) {
        dialog_.set_login(Dialog::Login::in_progress);
    } else if (reply.is_positive() && (command.verb != "ACCT" || !was_logged_in)) {
        dialog_.set_login(Dialog::Login::done);
        if (!co_await replay_client_lines()) co_return;
        metrics::count(metrics::Counter::logins);
        report(log::Level::info, "logged in");
    } else if (reply.is_negative() && !was_logged_in) {
        dialog_.set_login(Dialog::Login::none);
        metrics::count(metrics::Counter::logins_refused);
        report(log::Level::info, "log-in refused",
               {{"code", std::uint64_t{reply.code}}});  // its text may repeat the password
        ++failed_logins_;
    }
    if (reply.code == 421) is_over_ = true;
    co_await answer(std::move(reply));
    if (failed_logins_ >= failed_logins_max) co_await end_with("Too many failed log-ins.");
}

/// CLNT and OPTS that were answered before there was a backend. Refusals change nothing: the client
/// was told "noted", no more.
loop::Task<bool> Session::replay_client_lines() {
    for (const auto& line : journal_.client_lines()) {
        const auto reply = co_await backend_->command(line);
        if (!reply) {
            co_await lose_backend(reply.error());
            co_return false;
        }
    }
    co_return true;
}

}  // namespace ballast::session
