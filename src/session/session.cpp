// SPDX-License-Identifier: Apache-2.0
#include "session/session.h"

#include "ftp/secret.h"
#include "ftp/verb.h"
#include "guard/access_list.h"
#include "metrics/counters.h"
#include "session/feat.h"
#include "session/greeting.h"
#include "session/limit_note.h"
#include "session/security.h"

#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

/// How long a backend may take to say goodbye before the client is told ours.
constexpr auto goodbye_time = std::chrono::seconds(2);

/// Of what Ballast refuses by its own rules, that which a user will ask about: log-ins and
/// transfers. Other commands are tried by clients as a matter of course.
void report_own_refusal(const Context& context, const ftp::Command& command,
                        const ftp::Reply& reply) {
    if (!reply.is_negative()) return;
    if (command.verb == "USER") {
        constexpr std::string_view rule = "a rule of the listener";
        return context.report_login_refused(reply, command.argument, rule);
    }
    const auto* const verb = ftp::find_verb(command.verb);
    const bool is_of_data = verb != nullptr && (verb->handling == ftp::Handling::transfer ||
                                                verb->handling == ftp::Handling::data_setup);
    if (is_of_data) context.report_command_refused(command, reply);
}

}  // namespace

Session::Session(Surroundings surroundings, std::unique_ptr<net::Stream> client, std::string id,
                 Ended ended)
    : context_(std::move(surroundings), std::move(client), std::move(id)),
      ended_(std::move(ended)),
      login_(context_),
      data_(context_, login_) {
    if (context_.settings.command_rate != 0)
        commands_.emplace(context_.settings.command_rate, context_.now());
}

Session::~Session() {
    if (!job_.is_started() || job_.has_ended()) return;
    job_.cancel();  // it borrows what is given up here
    try {
        context_.end_because("the daemon ended");
        const auto former = std::exchange(context_.assignment, {});
        context_.report_end(former ? former.backend().name : std::string());
    } catch (const std::exception& problem) {
        log::caught("the end of a session is not in the log", problem);
    }
}

/// An exception of the standard library, when memory is short, ends this session alone.
loop::Task<> Session::run() {
    auto& client = context_.client;
    try {
        co_await live();
    } catch (const std::exception& problem) {
        metrics::count(metrics::Counter::sessions_broken);
        context_.report(log::Level::warning, "session is broken", {{"reason", problem.what()}});
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
        client.finish();
        context_.report_end(former ? former.backend().name : std::string());
    }
    ended_();
}

/// The life of a control connection, top to bottom. No backend is needed before USER. Every wait
/// has a deadline; what is left open is closed by destructors.
loop::Task<> Session::live() {
    if (!co_await let_in()) co_return;
    const bool begins_with_tls = context_.surroundings.begins_with_tls;
    if (begins_with_tls && context_.dialog.passes_through())
        co_return co_await pass_through({}, {});
    if (begins_with_tls && !co_await secure_control(context_)) co_return;
    context_.set_phase(Phase::greeting);
    co_await context_.answer(greeting(context_.settings, *context_.surroundings.pools));
    co_await serve();
}

/// Networks first, then limits. False: the client was told why not, unless TLS comes first: then
/// it would have to be let in to be told.
loop::Task<bool> Session::let_in() {
    const auto& client = context_.client.peer();
    const bool hears_us = !context_.surroundings.begins_with_tls;
    if (!guard::admits(context_.settings, client.ip)) {
        metrics::count(metrics::Counter::sessions_not_admitted);
        const auto& listener = context_.settings.name;
        const auto address = base::to_string(client);
        log::write_seldom(log::Level::info, "not admitted", listener,
                          {{"session", context_.id}, {"client", address}, {"listener", listener}});
        if (hears_us) co_await context_.answer(421, "You are not admitted here.");
        co_return false;
    }
    if (context_.comes_from_ourselves()) {
        note_own_session(base::to_string(client));
        if (hears_us) co_await context_.answer(421, own_session_text);
        co_return false;
    }
    const auto limit =
        context_.place.take(context_.ledger(), context_.settings, client.ip, context_.now());
    if (limit) {
        context_.reached(*limit);
        if (hears_us) co_await context_.answer(421, refusal_text(*limit));
        co_return false;
    }
    context_.lend_place();
    metrics::count(metrics::Counter::sessions_accepted);
    context_.report(log::Level::info, "session began",
                    {{"listener", context_.settings.name},
                     {"local", base::to_string(context_.reached_address())}});
    co_return true;
}

loop::Task<> Session::serve() {
    while (!context_.is_over()) {
        context_.set_phase(Phase::idle);
        auto event = co_await await_event();
        if (!event) continue;
        co_await take_turn();
        context_.set_phase(Phase::working);
        switch (event->kind) {
            case ClientEvent::Kind::command:
                context_.current_command = ftp::holds_secret(event->command.line)
                                               ? event->command.verb
                                               : event->command.line;
                co_await perform(std::move(event->command));
                context_.current_command = {};
                break;
            case ClientEvent::Kind::bad_line: co_await refuse_line(event->problem); break;
            case ClientEvent::Kind::ended:
                co_return context_.end_because("the client closed the connection");
            case ClientEvent::Kind::lost:
                co_return context_.end_because("the connection to the client broke");
        }
    }
}

/// One who says much at once has no more turns than the others of this worker, and no more than
/// `command_rate` in any second.
loop::Task<> Session::take_turn() {
    auto& signal = context_.signal;
    constexpr std::uint32_t turns_in_a_row = 16;
    if (++commands_taken_ % turns_in_a_row == 0) {
        signal.raise();
        (void)co_await signal.wait(loop::never);
    }
    if (!commands_ || commands_->take(context_.now())) co_return;
    metrics::count(metrics::Counter::commands_delayed);
    context_.reached("too many commands at once", "command_rate", context_.settings.command_rate,
                     "raise it, 0 is no limit");
    while (!context_.is_stop_wanted() && !commands_->take(context_.now()))
        (void)co_await signal.wait(commands_->next(context_.now()));
}

/// The next thing the client says; empty: something else happened, look whether it is over.
loop::Task<std::optional<ClientEvent>> Session::await_event() {
    auto deadline = context_.loop().after(context_.settings.idle_timeout);
    if (!context_.is_logged_in()) deadline = loop::sooner(deadline, context_.login_deadline);
    for (;;) {
        if (context_.is_stop_wanted()) {
            co_await context_.end_with("Service is shutting down.");
            co_return std::nullopt;
        }
        if (context_.place.is_recalled()) {
            co_await context_.end_with(refusal_text(guard::Limit::sessions));
            co_return std::nullopt;
        }
        if (context_.assignment.is_recalled()) context_.keep_seat();
        auto* const leg = context_.assignment.leg();
        // The backend first: what it says unasked must not be taken for the answer to what the
        // client says next.
        if (auto said = leg != nullptr ? leg->poll_reply() : std::nullopt) {
            co_await hear_backend(std::move(*said));
            co_return std::nullopt;
        }
        // A client that always has something to say still hits the deadline.
        const bool is_late = context_.now() >= deadline;
        if (auto event = is_late ? std::nullopt : context_.client.next()) co_return event;
        welcome_data(context_);
        if (leg != nullptr) leg->watch();
        context_.client.watch();
        if (is_late || !co_await context_.signal.wait(deadline)) {
            co_await context_.end_with(context_.is_logged_in() ? "Idle for too long."
                                                               : "Log-in took too long.");
            co_return std::nullopt;
        }
    }
}

/// A backend that speaks without being asked says 421 or goes away. Other words are dropped, or
/// they would be taken for the answer to the next command.
loop::Task<> Session::hear_backend(base::Result<ftp::Reply> said) {
    if (!said) co_return co_await context_.lose_backend(said.error());
    if (said->code == 421) {
        context_.end_because(fmt::format("the backend ended it: 421 {}", said->message()));
        co_return co_await context_.answer(std::move(*said));
    }
}

/// One branch per decision, one line per branch: what to do is decided in `Dialog`.
loop::Task<> Session::perform(ftp::Command command) {
    if (log::enabled(log::Level::debug))
        context_.report(log::Level::debug, "command", {{"line", ftp::loggable(command.line)}});
    auto& data = context_.client_data;
    // Nobody waits there any more: a transfer is told so with 425.
    if (data.lease && data.lease->has_expired()) context_.forget_data();
    auto [step, reply] = context_.dialog.next(command, data.is_set());
    switch (step) {
        case Step::answer:
            context_.restart.spend(command);
            report_own_refusal(context_, command, reply);
            co_return co_await context_.answer(std::move(reply));
        case Step::refuse: co_return co_await refuse(command, std::move(reply));
        case Step::answer_noted:
            if (command.verb == "HOST")
                login_.hear_host(command.argument);
            else
                context_.journal.note(command, reply);
            co_return co_await context_.answer(std::move(reply));
        case Step::features: co_return co_await answer_features(context_, login_);
        case Step::start_tls: co_return co_await start_tls(std::move(reply));
        case Step::pass_through:
            co_return co_await pass_through(std::move(command.line), std::move(reply));
        case Step::leave_tls:
            co_await context_.answer(std::move(reply));
            if (!context_.is_over()) co_await leave_tls(context_);
            co_return;
        case Step::log_in: co_return co_await login_.log_in(std::move(command));
        case Step::credential: co_return co_await login_.credential(std::move(command));
        case Step::passive: co_return co_await data_.passive(std::move(command));
        case Step::active: co_return co_await data_.active(std::move(command));
        case Step::restart: co_return co_await data_.restart(std::move(command));
        case Step::transfer: co_return co_await data_.transfer(std::move(command), false);
        case Step::maybe_transfer: co_return co_await data_.transfer(std::move(command), true);
        case Step::abort: co_return co_await abort_nothing();
        case Step::reinitialize:
            // RFC 959 4.1.1: the next USER chooses a backend again.
            login_.forget();
            co_return co_await context_.answer(
                greeting(context_.settings, *context_.surroundings.pools));
        case Step::forward: co_return co_await forward(std::move(command));
        case Step::quit: co_return co_await quit();
    }
    std::terminate();
}

loop::Task<> Session::refuse(const ftp::Command& command, ftp::Reply reply) {
    context_.restart.spend(command);
    metrics::count(metrics::Counter::commands_refused);
    context_.report_command_refused(command, reply);
    return context_.answer(std::move(reply));
}

loop::Task<> Session::refuse_line(ftp::CommandError problem) {
    switch (problem) {
        case ftp::CommandError::too_long:
            metrics::count(metrics::Counter::limit_command_bytes);
            context_.reached("a command is too long", "command_bytes_max",
                             context_.settings.command_bytes_max,
                             "raise it if the client's names are so long");
            return context_.answer(500, "The line is too long.");
        case ftp::CommandError::forbidden_byte:
            return context_.answer(501, "NUL and CR are not allowed inside a command.");
        case ftp::CommandError::not_a_command: return context_.answer(500, "That is no command.");
        case ftp::CommandError::begins_tls:
            context_.report(log::Level::info, "a client began TLS where plain text comes first",
                            {{"listener", context_.settings.name}});
            return context_.end_with(
                "TLS begins with AUTH TLS here, or at the port of implicit "
                "TLS.");
    }
    std::terminate();
}

/// AUTH, RFC 4217 4: the session is as after the greeting. HOST stays: RFC 7151 lets it come before
/// AUTH as well.
loop::Task<> Session::start_tls(ftp::Reply proceed) {
    login_.forget_but_host();
    co_await context_.answer(std::move(proceed));
    if (!context_.is_over()) (void)co_await secure_control(context_);
}

/// `auth` is the client's line, and `proceed` what is said to it; empty: implicit TLS.
loop::Task<> Session::pass_through(std::string auth, ftp::Reply proceed) {
    const auto host = login_.host_said();
    if (!auth.empty()) {
        login_.forget();
        // Behind AUTH comes the ClientHello or nothing.
        if (context_.client.has_deferred())
            co_return co_await context_.end_with("Commands behind AUTH.");
        co_await context_.answer(std::move(proceed));
        if (context_.is_over()) co_return;
    }
    passthrough_.emplace(context_, std::move(auth), host);
    co_await passthrough_->run();
}

/// Where a reply may be long its lines go to the client as they come, and no faster than it takes
/// them.
loop::Task<> Session::forward(ftp::Command command) {
    auto& leg = context_.leg();
    const bool in_lines = ftp::may_take_long(command.line);
    auto patience = leg.answer_time(command.line);
    auto heard = co_await leg.ask(command.line, in_lines);
    // A 1xx without a data connection: some SITE commands and checksums take long and say so.
    while (heard && (!heard->is_end || heard->reply.is_preliminary())) {
        if (heard->is_end) patience = leg.settings().final_reply_timeout;
        co_await context_.answer(std::move(heard->reply));
        if (context_.is_over()) co_return;
        heard = co_await leg.hear(patience, in_lines);
    }
    if (!heard) co_return co_await context_.lose_backend(heard.error());
    context_.journal.note(command, heard->reply);
    // RFC 959 5.4: any command may be answered with 421, and the server closes.
    if (heard->reply.code == 421)
        context_.end_because(fmt::format("the backend ended it: 421 {}", heard->reply.message()));
    co_await context_.answer(std::move(heard->reply));
}

loop::Task<> Session::abort_nothing() {
    context_.forget_data();
    auto* const leg = context_.assignment.leg();
    if (leg == nullptr || !leg->follows_client())
        co_return co_await context_.answer(226, "Nothing to abort.");
    auto replies = co_await leg->abort_nothing();
    if (!replies) co_return co_await context_.lose_backend(replies.error());
    for (auto& reply : *replies) {
        context_.heed_farewell(reply);
        co_await context_.answer(std::move(reply));
    }
}

loop::Task<> Session::quit() {
    context_.end_because("the client said QUIT");
    context_.keep_seat();
    auto* const leg = context_.assignment.leg();
    if (leg != nullptr && co_await leg->send("QUIT")) {
        auto reply = co_await leg->reply(context_.loop().after(goodbye_time));
        if (reply && reply->code == 221) co_return co_await context_.answer(std::move(*reply));
    }
    co_await context_.answer(221, "Goodbye.");
}

}  // namespace ballast::session
