// SPDX-License-Identifier: Apache-2.0
#include "session/login.h"

#include "backend/refusal.h"
#include "base/ascii.h"
#include "events/bus.h"
#include "ftp/secret.h"
#include "guard/command_policy.h"
#include "metrics/counters.h"
#include "session/backend_contact.h"
#include "session/backend_user.h"
#include "session/limit_note.h"
#include "session/replay.h"
#include "session/warm_legs.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

/// After this many 530 replies the session ends. A client that guesses passwords must at least
/// connect again: each of its USERs may reach a backend that has not counted the earlier ones.
constexpr std::uint32_t failed_logins_max = 3;

/// A server may hang at such a line, so its silence does not show that it is unwell: a long line,
/// or bytes outside printable ASCII. On some servers a 0xFF at the end swallows the line's CR.
bool may_hang_at(std::string_view line) {
    constexpr std::size_t ordinary_bytes_max = 1024;
    return line.size() > ordinary_bytes_max ||
           std::ranges::any_of(line, [](char c) { return c < ' ' || c > '~'; });
}

/// A client's line got no answer. Only silence after an ordinary line shows that the backend is
/// unwell, because the client chooses which line makes a server close.
base::Error caused_by_line(base::Error error, std::string_view line) {
    const bool is_silent = error.code == std::errc::timed_out;
    if (error.fault == base::Fault::backend && (!is_silent || may_hang_at(line)))
        error.fault = base::Fault::backend_refused;
    return error;
}

}  // namespace

Routing Login::route_user(const ftp::Command& user) const {
    return route(context_.settings, {.user = user.argument,
                                     .address = context_.client.peer().ip,
                                     .host = host_said_,
                                     .server_name = context_.dialog.server_name(),
                                     .certificate = context_.identity.certificate});
}

loop::Task<> Login::log_in(ftp::Command user) {
    context_.set_phase(Phase::choosing);
    context_.keep_seat();
    // Check again: at the greeting, the other side may not have counted yet.
    if (context_.comes_from_ourselves()) {
        note_own_session(base::to_string(context_.client.peer()));
        co_return co_await context_.end_with(own_session_text);
    }
    if (++attempts_ > context_.settings.login_attempts) {
        context_.reached(guard::Limit::login_attempts);
        co_return co_await context_.end_with("Too many login attempts.");
    }
    user_place_ = {};
    password_is_lost_ = false;
    context_.dialog.set_login(Dialog::Login::none);
    auto routing = route_user(user);
    if (!may_say_user_again(routing)) context_.assignment = {};
    if (routing.refusal) co_return co_await refuse_unrouted(std::move(routing), user.argument);
    // The name that the backend would get, without the part behind @ or %.
    if (const auto refusal = guard::refusal_of(context_.settings, "USER", routing.user)) {
        auto reply = ftp::make_reply(refusal->code, refusal->text);
        context_.report_login_refused(reply, user.argument, "a rule of the listener");
        context_.count_failed_login({}, {});
        co_return co_await refuse_user(std::move(reply));
    }
    if (const auto ban = ban_of(routing.pool, routing.user))
        co_return co_await refuse_banned(*ban, user.argument);
    context_.story.note(context_.now(), Fact::routed,
                        {routing.pool, name_of_route(routing), routing.user, routing.host});
    routed_pool_ = std::move(routing.pool);
    host_ = std::move(routing.host);
    if (user.argument != routing.user) {
        user.line = "USER " + routing.user;
        user.argument = std::move(routing.user);
    }
    user_line_ = user.line;
    user_ = user.argument;
    auto reply = co_await say_user_again();
    // A new backend lacks the settings that an earlier user of this session has made.
    if (!reply && has_named_user_) forget_but_host();
    if (!reply) {
        placement_.begin(*context_.surroundings.pools->find(routed_pool_), user_);
        reply = co_await place();
    }
    if (reply) co_await follow(std::move(user), std::move(*reply));
}

bool Login::leads_to_present_pool(const Routing& routing) const {
    return !routing.refusal && routing.pool == routed_pool_ &&
           base::is_same_but_for_case(routing.host, host_);
}

/// Whether the last USER's backend may also serve this one. It must be of the same pool and host,
/// and the choice of a backend must not depend on the user's name.
bool Login::may_say_user_again(const Routing& routing) const {
    const auto* const leg = context_.assignment.leg();
    if (leg == nullptr || host_was_refused_ || !leads_to_present_pool(routing) ||
        !leg->known().takes_user_again())
        return false;
    const auto& config = context_.assignment.settings();
    return routing.user == user_ || (config.stick.by != config::StickBy::user &&
                                     config.balance->decided_by != balance::DecidedBy::user);
}

/// The USER command with the name that the user has in this pool.
std::string Login::user_line_for(const config::Pool& pool) const {
    const auto name = backend_user(pool.backend_user, user_);
    return name == user_ ? user_line_ : "USER " + name;
}

/// Sends USER on the last one's connection. With a new connection for each USER, a client without
/// an account could use up the source ports. Empty: no leg, or the backend wants a new connection.
loop::Task<std::optional<ftp::Reply>> Login::say_user_again() {
    auto* const leg = context_.assignment.leg();
    if (leg == nullptr) co_return std::nullopt;
    const auto began = context_.now();
    auto reply = co_await leg->command(user_line_for(leg->settings()));
    time_ = context_.now() - began;
    constexpr std::array out_of_order = {500, 502, 503, 504};
    const bool is_out_of_order =
        reply && std::ranges::find(out_of_order, reply->code) != out_of_order.end();
    // The other codes may be about this user's name.
    if (reply && reply->code == 503) leg->known().set_takes_user_again(false);
    if (reply && reply->code != 421 && !is_out_of_order) {
        placement_.begin_again(user_);
        co_return std::move(*reply);
    }
    context_.assignment = {};
    co_return std::nullopt;
}

/// Chooses a backend and returns its answer to USER. Empty: none was found, and the client knows.
loop::Task<std::optional<ftp::Reply>> Login::place() {
    auto placed = co_await placement_.find();
    if (!placed) {
        co_await tell_unplaced(placed.error());
        co_return std::nullopt;
    }
    context_.assignment = std::move(placed->assignment);
    time_ = placed->time;
    co_return std::move(placed->reply);
}

loop::Task<> Login::tell_unplaced(Unplaced why) {
    const auto text = text_of(why);
    const auto* const end = std::get_if<WaitEnd>(&why);
    if (end != nullptr && *end == WaitEnd::client_left) co_return context_.end_because(text);
    if (end == nullptr || *end != WaitEnd::client_quits) co_return co_await context_.end_with(text);
    context_.end_because("the client said QUIT");
    co_await context_.answer(221, "Goodbye.");
}

loop::Task<base::Result<ftp::Reply>> Login::introduce(Assignment& assignment) {
    const bool client_has_tls = context_.client.tls() != nullptr;
    auto contact = contact_of(context_, assignment);
    if (auto* const warm = context_.surroundings.warm) {
        if (auto leg = warm->take(contact, *assignment.pool().pool, assignment.backend().id,
                                  context_.signal)) {
            assignment.set_leg(std::move(leg));
            auto reply = base::Result<ftp::Reply>();
            if (auto followed = co_await assignment.leg()->follow_tls(client_has_tls); followed)
                reply = co_await name_user(assignment);
            else
                reply = std::unexpected(followed.error());
            assignment.leg()->note_answered();
            // It may have been closed just now. Only a new connection shows what the backend says.
            if (reply) co_return reply;
            assignment.set_leg(nullptr);
        }
    }
    auto connected = co_await backend::Leg::connect(context_.network(), std::move(contact),
                                                    client_has_tls, context_.signal);
    if (!connected) co_return std::unexpected(connected.error());
    assignment.set_leg(std::move(*connected));
    (void)assignment.leg()->take_greeting();
    co_return co_await name_user(assignment);
}

/// Sends HOST and USER to a backend that has greeted.
loop::Task<base::Result<ftp::Reply>> Login::name_user(Assignment& assignment) {
    auto& leg = *assignment.leg();
    host_was_refused_ = false;
    if (const auto survey = leg.known().survey();
        survey && survey->features.has("HOST") && !host_.empty()) {
        const auto host_line = "HOST " + host_;
        auto host = co_await leg.command(host_line);
        if (!host) co_return std::unexpected(caused_by_line(host.error(), host_line));
        if (host->code == 421) co_return std::unexpected(backend::refusal("HOST:", *host));
        host_was_refused_ = host->is_negative();  // RFC 7151 3.1: 504 and the like
        if (host_was_refused_) co_return std::move(*host);
    }
    const auto user_line = user_line_for(leg.settings());
    auto reply = co_await leg.command(user_line);
    if (!reply) co_return std::unexpected(caused_by_line(reply.error(), user_line));
    if (reply->code == 421) co_return std::unexpected(backend::refusal("USER:", *reply));
    co_return reply;
}

/// After the answer to USER, the seat is lent to waiting clients until the next USER or PASS,
/// whatever else the client says. A client that lost its seat gets another at PASS. A session that
/// had logged in before keeps its seat: another backend would lack its settings.
void Login::lend_seat() {
    auto& assignment = context_.assignment;
    if (assignment.leg() == nullptr || assignment.is_on_loan() || has_named_user_ ||
        context_.is_logged_in())
        return;
    assignment.lend(context_.signal, guard::client_of(context_.client.peer().ip));
}

loop::Task<> Login::credential(ftp::Command command) {
    context_.keep_seat();
    const bool asks_for_user = command.verb == "USER";
    const std::string name(asks_for_user ? std::string_view(command.argument) : user_);
    // Check at PASS again: another session of the same client may have caused a ban since.
    const auto ban = ban_of(routed_pool_, name);
    if (ban && !context_.is_logged_in()) co_return co_await refuse_banned(*ban, name);
    if (!asks_for_user) co_return co_await credential_of_present(std::move(command));
    // This backend decides about other users of its pool, but not about users of other pools.
    auto routing = route_user(command);
    if (!leads_to_present_pool(routing) || routing.user != command.argument) {
        forget_but_host();
        co_return co_await log_in(std::move(command));
    }
    const auto former_line = std::exchange(user_line_, command.line);
    const auto former = std::exchange(user_, command.argument);
    placement_.begin_again(user_);
    password_is_lost_ = false;
    const bool was_logged_in = context_.is_logged_in();
    co_await credential_of_present(std::move(command));
    // The backend refused the new user. The former one stays logged in.
    if (was_logged_in && context_.is_logged_in() && context_.identity.user != user_) {
        user_line_ = former_line;
        user_ = former;
    }
}

/// Sends the command to the session's backend, or to a new one if the seat was recalled.
loop::Task<> Login::credential_of_present(ftp::Command command) {
    // The seat was recalled while it was on loan.
    if (context_.assignment.leg() == nullptr) co_return co_await log_in_again(std::move(command));
    auto& leg = context_.leg();
    const auto began = context_.now();
    auto reply = co_await leg.command(
        command.verb == "USER" ? base::WipedString(user_line_for(leg.settings())) : command.line);
    time_ += context_.now() - began;
    const bool was_logged_in = context_.is_logged_in();
    // Another backend would lack the settings that this client has made since an earlier login.
    if (!reply && (was_logged_in || has_named_user_))
        co_return co_await context_.lose_backend(reply.error());
    // Of this backend the client has seen only "331 password please".
    if (!reply) {
        auto error = caused_by_line(reply.error(), command.line);
        co_return co_await retry(std::move(command), std::move(error));
    }
    // A new login may have begun.
    if (was_logged_in && !reply->is_negative())
        context_.login_deadline = context_.loop().after(context_.settings.login_timeout);
    co_await follow(std::move(command), std::move(*reply));
}

/// The backend closed at PASS or ACCT. One other backend gets USER and PASS. If that one closes
/// too, or there is none, count a wrong password: some servers close instead of answering one.
loop::Task<> Login::retry(ftp::Command password, base::Error error) {
    placement_.give_up(std::exchange(context_.assignment, {}), error, time_);
    if (std::exchange(password_is_lost_, true)) {
        context_.dialog.set_login(Dialog::Login::none);
        metrics::count(metrics::Counter::logins_refused);
        auto reply = ftp::make_reply(530, "Not logged in.");
        context_.report_login_refused(reply, user_, "backends end it at the password");
        context_.count_failed_login(routed_pool_, user_);
        co_return co_await refuse_user(std::move(reply));
    }
    co_await log_in_again(std::move(password));
}

/// Sends USER and PASS to another backend.
loop::Task<> Login::log_in_again(ftp::Command password) {
    context_.set_phase(Phase::choosing);
    auto user_reply = co_await place();
    if (!user_reply) {
        if (password_is_lost_) context_.count_failed_login(routed_pool_, user_);
        co_return;
    }
    if (user_reply->code != 331 || password.verb != "PASS")
        co_return co_await follow({"USER", {}, user_line_}, std::move(*user_reply));
    co_await credential(std::move(password));
}

/// Follows the backend's reply on who is logged in.
loop::Task<> Login::follow(ftp::Command command, ftp::Reply reply) {
    const bool was_logged_in = context_.is_logged_in();
    // A server that greets, asks for the password and then is silent is down. A server that refuses
    // the password is well. A 421 shows neither.
    if (reply.kind() != 3 && reply.code != 421 && !was_logged_in)
        context_.assignment.pool().pool->observe_success(context_.assignment.backend().id);
    // The name of a logged-in user stays until another user has logged in.
    if (!has_named_user_) context_.identity.user = user_;
    if (reply.is_negative() && !was_logged_in) co_return co_await refuse(command, std::move(reply));
    if (reply.kind() == 3) {
        context_.dialog.set_login(Dialog::Login::in_progress);
    } else if (reply.is_positive() && (!was_logged_in || command.verb == "USER")) {
        if (!co_await accept()) co_return;
        keep_login(command);
    } else if (reply.is_positive() && command.verb == "PASS" && password_.view().empty()) {
        keep_login(command);  // the server wanted no password, another one may
    }
    // The journal keeps nothing of the login itself.
    if (was_logged_in) context_.journal.note(command, reply);
    // The former user stays logged in. After login, a refused PASS is not a wrong password.
    if (reply.is_negative() && command.verb == "USER")
        context_.report_login_refused(reply, command.argument, "the backend");
    else if (reply.is_negative() && command.verb == "PASS")
        context_.report_login_refused(reply, user_, "the backend", command.argument);
    context_.heed_farewell(reply);
    lend_seat();
    co_await context_.answer(std::move(reply));
}

/// Keeps what another backend would need, if the pool may use it. A password is kept for no longer
/// than the session may need it, see `forget_but_host`.
void Login::keep_login(const ftp::Command& command) {
    unkept_ = {};
    if (context_.assignment.settings().failover == config::Failover::off) {
        unkept_ = "failover was off when the user logged in";
    } else if (command.verb == "ACCT") {
        unkept_ = "the server asked for ACCT";
    } else if (command.verb == "USER") {
        password_ = {};
    } else if (auto kept = base::KeptSecret::keep(command.line)) {
        password_ = std::move(*kept);
    } else {
        unkept_ = "the system locks no memory for the password";
        context_.report_fault(
            base::Blame::configuration, "password not kept for failover",
            {{"reason", unkept_}, {"cure", "raise RLIMIT_MEMLOCK (LimitMEMLOCK of the service)"}});
    }
}

std::string Login::replay_gap() const { return std::string(unkept_); }

loop::Task<base::Result<>> Login::log_in_elsewhere(Assignment& assignment) {
    auto reply = co_await introduce(assignment);
    std::string_view asked = "USER:";
    if (reply && reply->code == 331 && !password_.view().empty()) {
        asked = "PASS:";
        reply = co_await assignment.leg()->command(base::WipedString(password_.view()));
        if (reply && reply->code == 421) co_return std::unexpected(backend::refusal(asked, *reply));
    }
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->is_positive()) co_return base::Result<>();
    auto secret = password_.view();
    secret.remove_prefix(std::min(secret.size(), secret.find(' ') + 1));
    co_return std::unexpected(
        base::Error{base::Fault::backend_refused,
                    {},
                    fmt::format("{} {} {}", asked, reply->code,
                                ftp::without_secret(reply->message(), secret))});
}

/// The user is logged in at the backend. False: not allowed here, and the client was told.
loop::Task<bool> Login::accept() {
    const bool was_logged_in = context_.is_logged_in();
    if (auto refusal = take_user_place()) {
        if (was_logged_in)
            context_.login_deadline = context_.loop().after(context_.settings.login_timeout);
        co_await context_.answer(std::move(*refusal));
        co_return false;
    }
    context_.dialog.set_login(Dialog::Login::done);
    context_.identity.user = user_;
    context_.journal.note_login();
    has_named_user_ = true;
    if (!co_await replay_client_lines()) co_return false;
    metrics::count(metrics::Counter::logins);
    if (const auto figures = context_.assignment.figures()) {
        ++figures->logins;
        if (!was_logged_in) figures->login.observe(time_);
    }
    context_.place.keep();
    attempts_ = 0;
    // Only the first one is free: logging in again and again is a login storm too.
    if (!std::exchange(has_logged_in_, true))
        context_.ledger().login_succeeded(context_.client.peer().ip, placement_.connections_begun(),
                                          context_.now());
    placement_.end();
    if (!was_logged_in)
        context_.assignment.seat().logged_in(
            std::chrono::duration_cast<std::chrono::microseconds>(time_));
    context_.report(log::Level::info, "logged in");
    tell_login();
    co_return true;
}

void Login::tell_login() {
    const auto& context = context_;
    if (context.story.is_kept()) {
        const auto backends_user = context.user_at_backend();
        context_.story.note(context.now(), Fact::logged_in,
                            {user_, backends_user == user_ ? std::string() : backends_user,
                             context.pool_name(), context.backend_name(), time_});
    }
    if (events::is_wanted(events::Kind::session_logged_in))
        events::publish(events::Kind::session_logged_in,
                        {{"session", context.id},
                         {"listener", context.settings.name},
                         {"client", base::to_string(context.client.peer())},
                         {"user", user_},
                         {"pool", context.pool_name()},
                         {"backend", context.backend_name()}});
}

/// The backend has refused the user.
loop::Task<> Login::refuse(const ftp::Command& command, ftp::Reply reply) {
    context_.dialog.set_login(Dialog::Login::none);
    metrics::count(metrics::Counter::logins_refused);
    if (const auto figures = context_.assignment.figures()) ++figures->logins_refused;
    const bool is_secret = ftp::holds_secret(command.line);
    context_.report_login_refused(
        reply, user_, "the backend",
        is_secret ? std::string_view(command.argument) : std::string_view());
    context_.count_failed_login(routed_pool_, user_);
    context_.heed_farewell(reply);
    lend_seat();
    return refuse_user(std::move(reply));
}

/// The reply if the user already has enough sessions. Leaves the backend then.
std::optional<ftp::Reply> Login::take_user_place() {
    user_place_ = {};
    auto place = context_.ledger().logged_in({routed_pool_, user_});
    if (place) {
        user_place_ = std::move(*place);
        return std::nullopt;
    }
    context_.reached(place.error());
    context_.assignment = {};
    context_.dialog.set_login(Dialog::Login::none);
    auto reply = ftp::make_reply(530, refusal_text(place.error()));
    context_.report_login_refused(reply, user_, "a limit");
    return reply;
}

/// Replays CLNT and OPTS that were answered before there was a backend.
loop::Task<bool> Login::replay_client_lines() {
    const auto said = co_await say_owed(context_.leg(), context_.journal);
    if (!said) co_await context_.lose_backend(said.error());
    co_return said.has_value();
}

/// No route matches. Count it like a wrong password: guessing user names is an attack too. A route
/// that rejects answers known clients. It counts only if its settings say so.
loop::Task<> Login::refuse_unrouted(Routing routing, std::string_view name) {
    auto& reply = *routing.refusal;
    const auto* const route = routing.rejected_by;
    metrics::count(route != nullptr ? metrics::Counter::sessions_rejected
                                    : metrics::Counter::sessions_without_route);
    context_.report_login_refused(
        reply, name, route != nullptr ? "rejected by " + route->where.key : "no route");
    if (reply.code == 421) context_.end_because(reply.message());
    if (route == nullptr || route->counts_as_failure) context_.count_failed_login({}, {});
    co_await refuse_user(std::move(reply));
}

std::optional<guard::Limit> Login::ban_of(std::string_view pool, std::string_view user) const {
    return context_.ledger().ban_of({pool, user}, context_.client.peer().ip, context_.now());
}

/// The backend does not hear of this login.
loop::Task<> Login::refuse_banned(guard::Limit ban, std::string_view name) {
    context_.reached(ban);
    auto reply = ftp::make_reply(530, refusal_text(ban));
    context_.report_login_refused(reply, name, "banned");
    return refuse_user(std::move(reply));
}

loop::Task<> Login::refuse_user(ftp::Reply reply) {
    co_await context_.answer(std::move(reply));
    if (++failed_ >= failed_logins_max && !context_.is_over())
        co_await context_.end_with("Too many failed logins.");
}

void Login::forget_but_host() {
    const bool was_logged_in = context_.is_logged_in();
    context_.assignment = {};
    user_place_ = {};
    context_.identity.user.clear();
    has_named_user_ = false;
    password_ = {};
    context_.journal.clear();
    context_.restart.forget();
    context_.client_data.clear();
    context_.dialog.reinitialize();
    // A client that never logs in gains no time this way.
    if (!was_logged_in) return;
    context_.login_deadline = context_.loop().after(context_.settings.login_timeout);
    context_.lend_place();
}

void Login::forget() {
    forget_but_host();
    host_said_.clear();
}

}  // namespace ballast::session
