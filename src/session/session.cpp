// SPDX-License-Identifier: Apache-2.0
#include "session/session.h"

#include "metrics/commands.h"
#include "metrics/counters.h"
#include "session/admit.h"
#include "session/backend_commands.h"
#include "session/feat.h"
#include "session/greeting.h"
#include "session/limit_note.h"
#include "session/refusals.h"
#include "session/security.h"

#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

Session::Session(Surroundings surroundings, std::unique_ptr<net::Stream> client, std::string id,
                 Ended ended)
    : context_(std::move(surroundings), std::move(client), std::move(id)),
      ended_(std::move(ended)),
      login_(context_),
      failover_(context_, login_),
      data_(context_, login_, failover_) {
    if (context_.settings.command_rate != 0)
        commands_.emplace(context_.settings.command_rate, context_.now());
}

Session::~Session() {
    if (!job_.is_started() || job_.has_ended()) return;
    job_.cancel();  // it refers to what is released here
    try {
        context_.end_because("the daemon ended");
        const auto former = std::exchange(context_.assignment, {});
        report_end(former);
    } catch (const std::exception& problem) {
        log::caught("the end of a session is not in the log", problem);
    }
}

void Session::report_end(const Assignment& former) {
    if (former)
        context_.report_end(former.settings().name, former.backend().name);
    else
        context_.report_end({}, {});
}

/// A standard library exception (memory is short) ends only this session.
loop::Task<> Session::run() {
    auto& client = context_.client;
    try {
        co_await live();
    } catch (const std::exception& problem) {
        metrics::count(metrics::Counter::sessions_broken);
        context_.report_fault(base::Blame::ballast, "session is broken",
                              {{"reason", problem.what()}});
        context_.end_because(problem.what());
        constexpr std::string_view words =
            "421 Service not available, closing control connection.\r\n";
        if (client.tls() == nullptr && !passthrough_) (void)client.stream().write(words);
    }
    context_.set_phase(Phase::closing);
    passthrough_.reset();
    {
        const auto former = std::exchange(context_.assignment, {});
        context_.client_data.clear();
        report_end(former);
    }
    // Whoever sees the client's end may ask for the session, and it must not be there any more.
    ended_();
    client.finish();
}

void Session::cut() {
    context_.cut();
    (void)data_.end_transfer();
}

/// The life of a control connection, top to bottom. No backend is needed before USER. Every wait
/// has a deadline. Destructors close what is left open.
loop::Task<> Session::live() {
    if (!co_await admit(context_)) co_return;
    const bool begins_with_tls = context_.surroundings.begins_with_tls;
    if (begins_with_tls && context_.dialog.passes_through())
        co_return co_await pass_through({}, {});
    if (begins_with_tls && !co_await secure_control(context_)) co_return;
    context_.set_phase(Phase::greeting);
    co_await context_.answer(greeting(context_.settings, *context_.surroundings.pools));
    co_await serve();
}

loop::Task<> Session::serve() {
    idle_since_ = context_.now();
    while (!context_.is_over()) {
        context_.set_phase(Phase::idle);
        auto event = co_await await_event();
        if (!event) continue;
        co_await take_turn();
        context_.set_phase(Phase::working);
        const std::string verb = event->command.verb;
        switch (event->kind) {
            case ClientEvent::Kind::command:
                co_await take_command(std::move(event->command));
                break;
            case ClientEvent::Kind::bad_line: co_await take_bad_line(event->problem); break;
            case ClientEvent::Kind::ended:
                co_return context_.end_because("the client closed the connection");
            case ClientEvent::Kind::lost:
                co_return context_.end_because("the connection to the client broke");
        }
        metrics::count_command(verb, context_.client.reply_code());
        idle_since_ = context_.now();
    }
}

loop::Task<> Session::take_command(ftp::Command command) {
    const auto began = context_.phase_since();
    const bool is_secret = ftp::holds_secret(command.line);
    context_.current_command = is_secret ? command.verb : command.line;
    context_.command_is_told = false;
    context_.client.begin_command(is_secret);
    co_await perform(std::move(command));
    if (!context_.command_is_told) {
        const auto now = context_.now();
        context_.story.note(now, Fact::command,
                            {context_.current_command, context_.client.reply_code(),
                             context_.client.last_refusal(), now - began});
    }
    context_.current_command = {};
}

loop::Task<> Session::take_bad_line(ftp::CommandError problem) {
    context_.client.begin_command(false);
    co_await refuse_line(context_, problem);
    context_.story.note(context_.now(), Fact::bad_line,
                        {context_.client.reply_code(), context_.client.last_refusal()});
}

/// A client that sends many commands at once must not starve the other sessions of this worker. It
/// is also held to `command_rate` in any second.
loop::Task<> Session::take_turn() {
    auto& signal = context_.signal;
    constexpr std::uint32_t turns_in_a_row = 16;
    if (++commands_taken_ % turns_in_a_row == 0) {
        signal.raise();
        (void)co_await signal.wait(loop::never);
    }
    if (!commands_ || commands_->take(context_.now())) co_return;
    context_.reached(guard::Limit::command_rate);
    while (!context_.is_stop_wanted() && !commands_->take(context_.now()))
        (void)co_await signal.wait(commands_->next(context_.now()));
}

/// The client's next event. Empty: something else happened, so check whether the session is over.
loop::Task<std::optional<ClientEvent>> Session::await_event() {
    auto deadline = idle_since_ + context_.settings.idle_timeout;
    if (!context_.is_logged_in()) deadline = loop::sooner(deadline, context_.login_deadline);
    for (;;) {
        if (context_.is_stop_wanted()) {
            co_await context_.end_with(context_.is_cut() ? cut_text : "Service is shutting down.");
            co_return std::nullopt;
        }
        if (context_.place.is_recalled()) {
            co_await context_.end_with(refusal_text(guard::Limit::sessions));
            co_return std::nullopt;
        }
        if (const auto cause = failover_.wish())
            if (co_await failover_.leave(*cause)) co_return std::nullopt;
        if (context_.assignment.must_leave()) {
            co_await context_.end_with(out_of_service_text);
            co_return std::nullopt;
        }
        if (context_.assignment.is_recalled()) context_.keep_seat();
        auto* const leg = context_.assignment.leg();
        // Poll the backend first. An unsolicited reply must not be taken for the answer to the
        // client's next command.
        if (auto said = leg != nullptr ? leg->poll_reply() : std::nullopt) {
            co_await hear_backend(std::move(*said));
            // The client has waited for another backend, not the other way around.
            if (context_.client.has_deferred()) idle_since_ = context_.now();
            co_return std::nullopt;
        }
        // A client that keeps sending commands still hits the deadline.
        const bool is_late = context_.now() >= deadline;
        if (auto event = is_late ? std::nullopt : context_.client.next()) co_return event;
        welcome_data(context_);
        if (leg != nullptr) leg->watch();
        context_.client.watch();
        const bool is_over_time =
            is_late ||
            (!co_await context_.signal.wait(loop::sooner(deadline, failover_.look_at())) &&
             context_.now() >= deadline);
        if (is_over_time) {
            co_await context_.end_with(context_.is_logged_in() ? "Idle for too long."
                                                               : "Login took too long.");
            co_return std::nullopt;
        }
    }
}

/// A backend that speaks unasked says 421 or closes. Other replies are dropped, or they would be
/// taken for the answer to the next command.
loop::Task<> Session::hear_backend(base::Result<ftp::Reply> said) {
    if (!said) {
        (void)co_await failover_.survive(said.error());
    } else if (said->code == 421 && failover_.is_wanted()) {
        (void)co_await failover_.survive(*said);
    } else if (said->code == 421) {
        context_.end_because(fmt::format("the backend ended it: 421 {}", said->message()));
        co_return co_await context_.answer(std::move(*said));
    }
}

/// One branch per decision, one line per branch. `Dialog` makes the decision.
loop::Task<> Session::perform(ftp::Command command) {
    if (log::enabled(log::Level::debug))
        context_.report(log::Level::debug, "command", {{"line", ftp::loggable(command.line)}});
    auto& data = context_.client_data;
    // That port is closed by now. The transfer gets 425.
    if (data.lease && data.lease->has_expired()) context_.forget_data();
    auto [step, reply] = context_.dialog.next(command, data.is_set(), context_.data_is_direct());
    switch (step) {
        case Step::answer: co_return co_await answer_command(context_, command, std::move(reply));
        case Step::refuse: co_return co_await refuse_command(context_, command, std::move(reply));
        case Step::answer_noted:
            if (command.verb == "HOST")
                login_.hear_host(command.argument);
            else
                context_.journal.note(command, reply);
            co_return co_await context_.answer(std::move(reply));
        case Step::features:
            co_return co_await answer_features(context_, login_, failover_, std::move(command));
        case Step::start_tls: co_return co_await start_tls(std::move(reply));
        case Step::pass_through:
            co_return co_await pass_through(std::move(command.line), std::move(reply));
        case Step::leave_tls:
            co_await context_.answer(std::move(reply));
            if (!context_.is_over()) co_await leave_tls(context_);
            co_return;
        case Step::log_in:
            failover_.known_files() = {};
            co_return co_await login_.log_in(std::move(command));
        case Step::credential:
            failover_.known_files() = {};
            co_return co_await login_.credential(std::move(command));
        case Step::passive: co_return co_await data_.passive(std::move(command));
        case Step::active: co_return co_await data_.active(std::move(command));
        case Step::restart: co_return co_await data_.restart(std::move(command));
        case Step::transfer: co_return co_await data_.transfer(std::move(command), false);
        case Step::maybe_transfer: co_return co_await data_.transfer(std::move(command), true);
        case Step::abort: co_return co_await abort_nothing(context_, failover_);
        case Step::reinitialize:
            // RFC 959 4.1.1: the next USER chooses a backend again.
            login_.forget();
            failover_.known_files() = {};
            co_return co_await context_.answer(
                greeting(context_.settings, *context_.surroundings.pools));
        case Step::forward: co_return co_await forward(context_, failover_, std::move(command));
        case Step::quit: co_return co_await quit(context_);
    }
    std::terminate();
}

/// AUTH, RFC 4217 4: the session returns to its state after the greeting. HOST stays, because RFC
/// 7151 allows it before AUTH as well.
loop::Task<> Session::start_tls(ftp::Reply proceed) {
    login_.forget_but_host();
    co_await context_.answer(std::move(proceed));
    if (!context_.is_over()) (void)co_await secure_control(context_);
}

/// `auth` is the client's line and `proceed` our reply to it. Both are empty with implicit TLS.
loop::Task<> Session::pass_through(std::string auth, ftp::Reply proceed) {
    const auto host = login_.host_said();
    if (!auth.empty()) {
        login_.forget();
        // Only the ClientHello may follow AUTH.
        if (context_.client.has_deferred())
            co_return co_await context_.end_with(
                "Commands must not follow AUTH before the handshake.");
        co_await context_.answer(std::move(proceed));
        if (context_.is_over()) co_return;
    }
    passthrough_.emplace(context_, std::move(auth), host);
    co_await passthrough_->run();
}

}  // namespace ballast::session
