// SPDX-License-Identifier: Apache-2.0
#include "session/session.h"

#include "base/ascii.h"
#include "ftp/verb.h"
#include "guard/access.h"
#include "metrics/counters.h"
#include "session/backend_user.h"
#include "session/greeting.h"
#include "session/limit_note.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::session {

namespace {

/// How long a backend may take to say goodbye before the client is told ours.
constexpr auto goodbye_time = std::chrono::seconds(2);

}  // namespace

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::securing: return "securing";
        case Phase::greeting: return "greeting";
        case Phase::idle: return "idle";
        case Phase::choosing: return "choosing";
        case Phase::queued: return "queued";
        case Phase::working: return "working";
        case Phase::in_transfer: return "in transfer";
        case Phase::sealed: return "passed through";
        case Phase::closing: return "closing";
    }
    return "?";
}

Session::Session(Surroundings surroundings, std::unique_ptr<net::Stream> client, std::string id,
                 Ended ended)
    : surroundings_(std::move(surroundings)),
      settings_(surroundings_.listener),
      id_(std::move(id)),
      ended_(std::move(ended)),
      signal_(surroundings_.network.loop()),
      client_(std::move(client), settings_, signal_, [this] { return gives_way(); }),
      dialog_(settings_),
      login_deadline_(surroundings_.network.loop().after(settings_.login_timeout)),
      began_at_(signal_.loop().now()) {
    if (settings_.command_rate != 0)
        commands_.emplace(settings_.command_rate, signal_.loop().now());
    if (settings_.session_bandwidth != 0)
        bandwidth_ = std::make_shared<guard::Bandwidth>(settings_.session_bandwidth);
}

Session::~Session() {
    if (recall_) recall_->leave();
    if (seat_recall_) seat_recall_->leave();
    if (!job_.is_started() || job_.has_ended()) return;
    job_.cancel();  // it borrows what is given up here
    try {
        end_because("the daemon ended");
        const auto backend = seat_ ? seat_.backend().name : std::string();
        leave_backend();
        report_end(backend);
    } catch (const std::exception& problem) {
        log::caught("the end of a session is not in the log", problem);
    }
}

void Session::start() { job_ = loop::Job::start(run()); }

void Session::stop() {
    stop_wanted_ = true;
    signal_.raise();
}

/// The life of a control connection, top to bottom. No backend is needed before USER. Every wait
/// has a deadline; what is left open is closed by destructors.
loop::Task<> Session::live() {
    if (!co_await let_in()) {
        // It was told why.
    } else if (surroundings_.begins_with_tls && dialog_.passes_through()) {
        co_await pass_through({});
    } else if (!surroundings_.begins_with_tls || co_await secure_control()) {
        phase_ = Phase::greeting;
        co_await answer(greeting(settings_, surroundings_.pools));
        co_await serve();
    }
}

/// An exception of the standard library, when memory is short, ends this session alone.
loop::Task<> Session::run() {
    try {
        co_await live();
    } catch (const std::exception& problem) {
        metrics::count(metrics::Counter::sessions_broken);
        report(log::Level::warning, "session is broken", {{"reason", problem.what()}});
        end_because(problem.what());
        constexpr std::string_view words =
            "421 Service not available, closing control connection.\r\n";
        if (client_.tls() == nullptr && !sealed_) (void)client_.stream().write(words);
    }
    phase_ = Phase::closing;
    const auto backend = seat_ ? seat_.backend().name : std::string();
    leave_backend();
    client_data_.clear();
    client_.finish();
    report_end(backend);
    ended_();
}

/// A backend that leads back here would be a session of a session, and so on without end.
bool Session::comes_from_ourselves() const {
    const auto& network = surroundings_.network;
    return network.is_own(client_.peer(), reached()) ||
           (surroundings_.proxy && network.is_own(*surroundings_.proxy, client_.local()));
}

/// A client that has not logged in makes room when others come.
void Session::lend_place() {
    if (recall_) recall_->leave();
    recall_ = std::make_shared<loop::Recall>(signal_);
    on_loan_ = surroundings_.ledger.lend(settings_, client_.peer().ip,
                                         [recall = recall_] { loop::Recall::call(recall); });
}

/// From the answer to USER until the client's next USER or PASS its seat is there for those who
/// wait, whatever else it says. At PASS it finds another. A session that had logged in before has
/// set things on this backend that another would not know.
void Session::lend_seat() {
    if (!backend_ || seat_recall_ || has_named_user_ || dialog_.login() == Dialog::Login::done)
        return;
    seat_recall_ = std::make_shared<loop::Recall>(signal_);
    seat_.lend(seat_recall_, guard::client_of(client_.peer().ip));
}

/// It is not on loan any more. If it was recalled the backend is left.
void Session::keep_seat() {
    if (!seat_recall_) return;
    seat_recall_->leave();
    seat_recall_.reset();
    if (seat_.keep()) return;
    metrics::count(metrics::Counter::seats_recalled);
    leave_backend();
}

/// A client that has not logged in and does not read, or does not go on with its handshake, holds
/// up nobody: neither a stop nor a client that needs its place or its seat.
bool Session::gives_way() {
    if (dialog_.login() == Dialog::Login::done) return false;
    if (seat_recall_ && seat_recall_->is_called()) keep_seat();
    return stop_wanted_ || (on_loan_ && recall_->is_called());
}

/// Networks first, then limits. False: the client was told why not, unless TLS comes first: then
/// it would have to be let in to be told.
loop::Task<bool> Session::let_in() {
    if (!guard::admits(settings_, client_.peer().ip)) {
        metrics::count(metrics::Counter::sessions_not_admitted);
        const auto client = base::to_string(client_.peer());
        log::write_seldom(log::Level::info, "not admitted", settings_.name,
                          {{"session", id_}, {"client", client}, {"listener", settings_.name}});
        if (!surroundings_.begins_with_tls) co_await answer(421, "You are not admitted here.");
        co_return false;
    }
    if (comes_from_ourselves()) {
        note_own_session(base::to_string(client_.peer()));
        if (!surroundings_.begins_with_tls) co_await answer(421, own_session_text);
        co_return false;
    }
    auto entered = surroundings_.ledger.enter(settings_, client_.peer().ip, signal_.loop().now());
    if (!entered) {
        reached(entered.error());
        if (!surroundings_.begins_with_tls) co_await answer(421, refusal_text(entered.error()));
        co_return false;
    }
    entered_ = std::move(*entered);
    lend_place();
    metrics::count(metrics::Counter::sessions_accepted);
    report(log::Level::info, "session began",
           {{"listener", settings_.name}, {"local", base::to_string(reached())}});
    co_return true;
}

loop::Task<> Session::serve() {
    while (!is_over_) {
        phase_ = Phase::idle;
        auto event = co_await await_event();
        if (!event) continue;
        co_await take_turn();
        phase_ = Phase::working;
        switch (event->kind) {
            case ClientEvent::Kind::command: co_await perform(std::move(event->command)); break;
            case ClientEvent::Kind::bad_line: co_await refuse_line(event->problem); break;
            case ClientEvent::Kind::ended:
                co_return end_because("the client closed the connection");
            case ClientEvent::Kind::lost:
                co_return end_because("the connection to the client broke");
        }
    }
}

loop::Task<> Session::refuse_line(ftp::CommandError problem) {
    switch (problem) {
        case ftp::CommandError::too_long:
            metrics::count(metrics::Counter::limit_command_bytes);
            reached("a command is too long", "command_bytes_max", settings_.command_bytes_max,
                    "raise it if the client's names are so long");
            return answer(500, "The line is too long.");
        case ftp::CommandError::forbidden_byte:
            return answer(501, "NUL and CR are not allowed inside a command.");
        case ftp::CommandError::not_a_command: return answer(500, "That is no command.");
        case ftp::CommandError::begins_tls:
            report(log::Level::info, "a client began TLS where plain text comes first",
                   {{"listener", settings_.name}});
            return end_with("TLS begins with AUTH TLS here, or at the port of implicit TLS.");
    }
    std::terminate();
}

/// One who says much at once has no more turns than the others of this worker, and no more than
/// `command_rate` in any second.
loop::Task<> Session::take_turn() {
    constexpr std::uint32_t turns_in_a_row = 16;
    if (++commands_taken_ % turns_in_a_row == 0) {
        signal_.raise();
        (void)co_await signal_.wait(loop::never);
    }
    if (!commands_ || commands_->take(signal_.loop().now())) co_return;
    metrics::count(metrics::Counter::commands_delayed);
    reached("too many commands at once", "command_rate", settings_.command_rate,
            "raise it, 0 is no limit");
    while (!stop_wanted_ && !commands_->take(signal_.loop().now()))
        (void)co_await signal_.wait(commands_->next(signal_.loop().now()));
}

loop::Deadline Session::idle_deadline() const {
    const auto idle = signal_.loop().after(settings_.idle_timeout);
    if (dialog_.login() == Dialog::Login::done) return idle;
    return loop::sooner(idle, login_deadline_);
}

/// The next thing the client says; empty: something else happened, look at `is_over_`.
loop::Task<std::optional<ClientEvent>> Session::await_event() {
    const auto deadline = idle_deadline();
    for (;;) {
        if (stop_wanted_) {
            co_await end_with("Service is shutting down.");
            co_return std::nullopt;
        }
        if (on_loan_ && recall_->is_called()) {
            co_await end_with(refusal_text(guard::Limit::sessions));
            co_return std::nullopt;
        }
        if (seat_recall_ && seat_recall_->is_called()) keep_seat();
        // The backend first: what it says unasked must not be taken for the answer to what the
        // client says next.
        if (backend_) {
            if (auto said = backend_->poll_reply()) {
                co_await hear_backend(std::move(*said));
                co_return std::nullopt;
            }
        }
        // Who always has something to say does not stay for it.
        const bool is_late = signal_.loop().now() >= deadline;
        if (auto event = is_late ? std::nullopt : client_.next()) co_return event;
        welcome_data();
        if (backend_) backend_->watch();
        client_.watch();
        if (is_late || !co_await signal_.wait(deadline)) {
            co_await end_with(dialog_.login() == Dialog::Login::done ? "Idle for too long."
                                                                     : "Log-in took too long.");
            co_return std::nullopt;
        }
    }
}

/// A backend that speaks without being asked says 421 or goes away. Other words are dropped, or
/// they would be taken for the answer to the next command.
loop::Task<> Session::hear_backend(base::Result<ftp::Reply> said) {
    if (!said) co_return co_await lose_backend(said.error());
    if (said->code == 421) {
        end_because(fmt::format("the backend ended it: 421 {}", said->message()));
        co_return co_await answer(std::move(*said));
    }
}

/// One branch per decision, one line per branch: what to do is decided in `Dialog`.
loop::Task<> Session::perform(ftp::Command command) {
    if (log::enabled(log::Level::debug))
        report(log::Level::debug, "command", {{"line", ftp::loggable(command.line)}});
    // Nobody waits there any more: a transfer is told so with 425.
    if (client_data_.lease && client_data_.lease->has_expired()) forget_data();
    switch (dialog_.next(command, client_data_.is_set())) {
        case Step::answer:
            forget_restart(command);
            report_own_refusal(command);
            co_return co_await answer(dialog_.answer());
        case Step::refuse: co_return co_await refuse_command(command);
        case Step::answer_noted:
            journal_.note(command, dialog_.answer());
            co_return co_await answer(dialog_.answer());
        case Step::features: co_return co_await answer_features();
        case Step::start_tls: co_return co_await start_tls();
        case Step::pass_through: co_return co_await pass_through(std::move(command.line));
        case Step::leave_tls: co_return co_await leave_tls();
        case Step::log_in: co_return co_await log_in(std::move(command));
        case Step::credential: co_return co_await credential(std::move(command));
        case Step::passive: co_return co_await passive(std::move(command));
        case Step::active: co_return co_await active(std::move(command));
        case Step::restart: co_return co_await restart(std::move(command));
        case Step::transfer: co_return co_await transfer(std::move(command), false);
        case Step::maybe_transfer: co_return co_await transfer(std::move(command), true);
        case Step::abort: co_return co_await abort_nothing();
        case Step::reinitialize: co_return co_await reinitialize();
        case Step::forward: co_return co_await forward(std::move(command));
        case Step::quit: co_return co_await quit();
    }
    std::terminate();
}

loop::Task<> Session::refuse_command(const ftp::Command& command) {
    forget_restart(command);
    metrics::count(metrics::Counter::commands_refused);
    report_command_refused(command, dialog_.answer());
    return answer(dialog_.answer());
}

/// Where a reply may be long its lines go to the client as they come, and no faster than it takes
/// them.
loop::Task<> Session::forward(ftp::Command command) {
    const bool in_lines = ftp::may_take_long(command.line);
    auto patience = backend_->answer_time(command.line);
    auto heard = co_await backend_->ask(command.line, in_lines);
    // A 1xx without a data connection: some SITE commands and checksums take long and say so.
    while (heard && (!heard->is_end || heard->reply.is_preliminary())) {
        if (heard->is_end) patience = backend_->settings().final_reply_timeout;
        co_await answer(std::move(heard->reply));
        if (is_over_) co_return;
        heard = co_await backend_->hear(patience, in_lines);
    }
    if (!heard) co_return co_await lose_backend(heard.error());
    journal_.note(command, heard->reply);
    // RFC 959 5.4: any command may be answered with 421, and the server closes.
    if (heard->reply.code == 421)
        end_because(fmt::format("the backend ended it: 421 {}", heard->reply.message()));
    co_await answer(std::move(heard->reply));
}

loop::Task<> Session::quit() {
    end_because("the client said QUIT");
    keep_seat();
    if (backend_ && co_await backend_->send("QUIT")) {
        auto reply = co_await backend_->reply(signal_.loop().after(goodbye_time));
        if (reply && reply->code == 221) co_return co_await answer(std::move(*reply));
    }
    co_await answer(221, "Goodbye.");
}

/// RFC 959 4.1.1. The backend leg is dropped; the next USER chooses anew.
loop::Task<> Session::reinitialize() {
    forget_login();
    co_await answer(greeting(settings_, surroundings_.pools));
}

void Session::forget_login_but_host() {
    const auto host = journal_.host();
    forget_login();
    if (!host.empty()) journal_.note({"HOST", host, "HOST " + host}, {220, {}});
}

void Session::forget_login() {
    const bool was_logged_in = dialog_.login() == Dialog::Login::done;
    leave_backend();
    user_place_ = {};
    journal_.clear();
    has_named_user_ = false;
    restart_is_said_ = false;
    client_data_.clear();
    dialog_.reinitialize();
    // Who never logs in gets no more time by it.
    if (!was_logged_in) return;
    login_deadline_ = signal_.loop().after(settings_.login_timeout);
    lend_place();
}

loop::Task<> Session::abort_nothing() {
    forget_data();
    if (!backend_ || !backend_->follows_client())
        co_return co_await answer(226, "Nothing to abort.");
    auto replies = co_await backend_->abort_nothing();
    if (!replies) co_return co_await lose_backend(replies.error());
    for (auto& reply : *replies) {
        heed_farewell(reply);
        co_await answer(std::move(reply));
    }
}

void Session::end_because(std::string_view reason) {
    if (!std::exchange(is_over_, true)) end_reason_ = reason;
}

void Session::heed_farewell(const ftp::Reply& reply) {
    if (reply.code == 421) end_because("the backend ended it with 421");
}

loop::Task<> Session::answer(ftp::Reply reply) {
    if (const auto sent = co_await client_.send(reply); !sent)
        end_because(base::to_string(sent.error()));
}

loop::Task<> Session::answer(std::uint16_t code, std::string_view text) {
    return answer(ftp::make_reply(code, text));
}

loop::Task<> Session::end_with(std::string_view why) {
    end_because(why);
    if (sealed_) return send_alert(net::Alert::internal_error, why);
    return answer(421, why);
}

loop::Task<> Session::lose_backend(const base::Error& error) {
    metrics::count(metrics::Counter::backend_connections_lost);
    report(log::Level::warning, "backend lost", {{"reason", base::to_string(error)}});
    end_because(fmt::format("the backend was lost: {}", base::to_string(error)));
    backend_.reset();
    return end_with("The connection to the server was lost.");
}

void Session::leave_backend() {
    backend_.reset();
    if (sealed_) sealed_->backend.reset();
    if (seat_recall_) seat_recall_->leave();
    seat_recall_.reset();
    seat_ = pool::Seat();
}

std::string Session::user_at_backend() const {
    if (pool_ == nullptr || journal_.user().empty()) return journal_.user();
    return backend_user(pool_->pool->config().backend_user, journal_.user());
}

}  // namespace ballast::session
