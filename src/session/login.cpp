// SPDX-License-Identifier: Apache-2.0
// A session's login: choosing a backend at USER, trying the next one while nothing of the first has
// been shown to the client, and following the backend's word on who is logged in.
#include "base/ascii.h"
#include "guard/command_policy.h"
#include "metrics/counters.h"
#include "session/backend_user.h"
#include "session/limit_note.h"
#include "session/session.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ballast::session {

namespace {

/// After so many 530 the session ends: a client that guesses passwords must at least connect anew,
/// since each of its USERs may reach a backend that has not counted the earlier ones.
constexpr std::uint32_t failed_logins_max = 3;

/// A server may hang at a line like this, so its silence tells nothing of its health: long lines,
/// and bytes that are not printable ASCII (a 0xFF at the end swallows the line's CR on some).
bool may_hang_at(std::string_view line) {
    constexpr std::size_t ordinary_bytes_max = 1024;
    return line.size() > ordinary_bytes_max ||
           std::ranges::any_of(line, [](char c) { return c < ' ' || c > '~'; });
}

/// The answer to a client's line did not come. Only silence after an ordinary line is the backend's
/// failure: which line makes a server close is the client's choice.
base::Error caused_by_line(base::Error error, std::string_view line) {
    if (error.code != std::errc::timed_out || may_hang_at(line)) {
        error.doing = base::to_string(error);
        error.code = {};
    }
    return error;
}

base::Error has_no_room(std::string_view verb, const ftp::Reply& reply) {
    return {base::Fault::backend, {}, fmt::format("{}: 421 {}", verb, reply.message())};
}

}  // namespace

Routing Session::route_user(const ftp::Command& user) const {
    return route(settings_, {.user = user.argument,
                             .address = client_.peer().ip,
                             .host = journal_.host(),
                             .server_name = dialog_.server_name(),
                             .certificate = certificate_subject_});
}

/// USER: everything is known that can decide. A second USER before login is routed again.
loop::Task<> Session::log_in(ftp::Command user) {
    phase_ = Phase::choosing;
    keep_seat();
    // Again: at the greeting this side may have been faster than the other.
    if (comes_from_ourselves()) {
        note_own_session(base::to_string(client_.peer()));
        co_return co_await end_with(own_session_text);
    }
    if (++login_attempts_ > settings_.login_attempts) co_return co_await end_for_attempts();
    user_place_ = {};
    tried_.clear();
    password_is_lost_ = false;
    dialog_.set_login(Dialog::Login::none);
    auto routing = route_user(user);
    if (!may_say_user_again(routing)) leave_backend();
    if (routing.refusal) co_return co_await refuse_unrouted(std::move(routing), user.argument);
    // The name that the backend would hear: without what was behind @ and %.
    if (const auto refusal = guard::refusal_of(settings_, "USER", routing.user)) {
        auto reply = ftp::make_reply(refusal->code, refusal->text);
        report_login_refused(reply, user.argument, "a rule of the listener");
        count_failed_login({}, {});
        co_return co_await refuse_user(std::move(reply));
    }
    if (const auto ban = ban_of(routing.pool, routing.user))
        co_return co_await refuse_banned(*ban, user.argument);
    // The backend of the last USER may be one of that pool's fallback.
    if (!backend_) pool_ = surroundings_.pools.find(routing.pool);
    routed_pool_ = std::move(routing.pool);
    host_ = std::move(routing.host);
    if (user.argument != routing.user) {
        user.line = "USER " + routing.user;
        user.argument = std::move(routing.user);
    }
    user_line_ = user.line;
    user_ = user.argument;
    auto reply = co_await say_user_again();
    // A new backend knows nothing of what an earlier user of this session has set.
    if (!reply && has_named_user_) forget_login_but_host();
    if (!reply) reply = co_await choose_backend();
    if (!reply) co_return;
    co_await follow_login(std::move(user), std::move(*reply));
}

/// Whether the backend of the last USER may serve this one, too: it is of the same pool and host,
/// and the user's name decides nothing about which backend it is.
bool Session::may_say_user_again(const Routing& routing) const {
    if (!backend_ || host_was_refused_ || routing.refusal || routing.pool != routed_pool_ ||
        !base::is_same_but_for_case(routing.host, host_) || !backend_->known().takes_user_again())
        return false;
    const auto& config = pool_->pool->config();
    return routing.user == user_ || (config.stick.by != config::StickBy::user &&
                                     config.balance != config::Balance::user_hash);
}

/// With the name that the pool of the backend has for this user.
std::string Session::user_line_to_backend() const {
    const auto name = backend_user(pool_->pool->config().backend_user, user_);
    return name == user_ ? user_line_ : "USER " + name;
}

/// USER on the connection of the last one: a new one for each would let a client without an account
/// use up the source ports. Empty: there is none, or the backend wants a new one.
loop::Task<std::optional<ftp::Reply>> Session::say_user_again() {
    if (!backend_) co_return std::nullopt;
    const auto began = signal_.loop().now();
    auto reply = co_await backend_->command(user_line_to_backend());
    login_time_ = signal_.loop().now() - began;
    constexpr std::array out_of_order = {500, 502, 503, 504};
    const bool is_out_of_order =
        reply && std::ranges::find(out_of_order, reply->code) != out_of_order.end();
    // The others may be about this name.
    if (reply && reply->code == 503) backend_->known().set_takes_user_again(false);
    if (reply && reply->code != 421 && !is_out_of_order) co_return std::move(*reply);
    leave_backend();
    co_return std::nullopt;
}

/// Before a connection to a backend: so many a second of one address, and of all. False: the
/// session is over.
loop::Task<bool> Session::await_login_turn() {
    bool is_noted = false;
    for (;;) {
        const auto now = signal_.loop().now();
        const auto wait = surroundings_.ledger.begin_login(client_.peer().ip, now);
        if (!wait) break;
        if (!std::exchange(is_noted, true)) reached(wait->limit);
        hear_waiting_client();
        if (is_over_) co_return false;
        if (stop_wanted_)
            co_await end_with("Service is shutting down.");
        else if (on_loan_ && recall_->is_called())
            co_await end_with(refusal_text(guard::Limit::sessions));
        else if (client_.has_deferred_quit())
            co_await quit();
        else if (now >= login_deadline_)
            co_await end_with("Service not available: log-in took too long.");
        if (is_over_) co_return false;
        if (has_room_to_hear()) client_.watch();
        (void)co_await signal_.wait(loop::sooner(wait->until, login_deadline_));
    }
    ++connections_begun_;
    co_return true;
}

loop::Task<> Session::end_for_attempts() {
    reached("too many log-in attempts", "login_attempts", settings_.login_attempts,
            "raise it if a client tries so often");
    return end_with("Too many log-in attempts.");
}

/// No route leads to a pool, which counts like a wrong password: guessing names is an attack too. A
/// route that rejects is an answer to known clients, and counts only if it says so.
loop::Task<> Session::refuse_unrouted(Routing routing, std::string_view name) {
    auto& reply = *routing.refusal;
    const auto* const route = routing.rejected_by;
    metrics::count(route != nullptr ? metrics::Counter::sessions_rejected
                                    : metrics::Counter::sessions_without_route);
    report_login_refused(reply, name,
                         route != nullptr ? "rejected by " + route->where.key : "no route");
    if (reply.code == 421) end_because(reply.message());
    if (route == nullptr || route->counts_as_failure) count_failed_login({}, {});
    co_await refuse_user(std::move(reply));
}

std::optional<guard::Limit> Session::ban_of(std::string_view pool, std::string_view user) const {
    return surroundings_.ledger.ban_of({pool, user}, client_.peer().ip, signal_.loop().now());
}

/// No backend hears of it.
loop::Task<> Session::refuse_banned(guard::Limit ban, std::string_view name) {
    reached(ban);
    auto reply = ftp::make_reply(530, refusal_text(ban));
    report_login_refused(reply, name, "banned");
    co_await refuse_user(std::move(reply));
}

/// It counts before the client knows it: the next session is the next one's. Without a user's name
/// it counts for the address alone.
void Session::count_failed_login(std::string_view pool, std::string_view user) {
    auto& ledger = surroundings_.ledger;
    const auto ban = ledger.login_failed({pool, user}, client_.peer().ip, signal_.loop().now());
    if (!ban) return;
    metrics::count(metrics::Counter::bans_begun);
    report_ban(*ban, user);
}

loop::Task<> Session::refuse_user(ftp::Reply reply) {
    co_await answer(std::move(reply));
    if (++failed_logins_ >= failed_logins_max && !is_over_)
        co_await end_with("Too many failed log-ins.");
}

/// What the client is told if its user has enough sessions already; the backend is left then.
std::optional<ftp::Reply> Session::take_user_place() {
    user_place_ = {};
    auto place = surroundings_.ledger.logged_in({routed_pool_, user_});
    if (place) {
        user_place_ = std::move(*place);
        return std::nullopt;
    }
    reached(place.error());
    leave_backend();
    dialog_.set_login(Dialog::Login::none);
    auto reply = ftp::make_reply(530, refusal_text(place.error()));
    report_login_refused(reply, user_, "a limit");
    return reply;
}

loop::Task<std::optional<ftp::Reply>> Session::choose_backend() {
    std::string last_reason;
    // Not tried, really: Ballast itself had no descriptor, source port or memory for them.
    std::vector<pool::BackendId> passed_over;
    for (;;) {
        if (!co_await await_login_turn()) co_return std::nullopt;
        auto seat = pool_->pool->choose({client_.peer().ip, user_}, tried_);
        if (!seat && seat.error() == pool::Refusal::all_full) seat = co_await wait_for_seat();
        if (is_over_) co_return std::nullopt;
        if (stop_wanted_) {
            co_await end_with("Service is shutting down.");
            co_return std::nullopt;
        }
        // It has waited long enough.
        if (!seat && client_.has_deferred_quit()) {
            co_await quit();
            co_return std::nullopt;
        }
        if (!seat && passed_over.empty() && fall_back(seat.error())) continue;
        if (!seat) {
            metrics::count(metrics::Counter::sessions_without_backend);
            report_no_backend(seat.error(), last_reason);
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
        if (reply) {
            std::erase_if(tried_, [&](pool::BackendId id) {
                return std::ranges::count(passed_over, id) > 0;
            });
            co_return std::move(*reply);
        }
        if (reply.error().fault == base::Fault::internal) passed_over.push_back(seat_.backend().id);
        last_reason = base::to_string(reply.error());
        give_up_backend(reply.error());
    }
}

/// A place in the pool's queue until it is this session's turn. What the client says meanwhile is
/// kept; if it leaves, or wants to, it gives up its place.
loop::Task<std::expected<pool::Seat, pool::Refusal>> Session::wait_for_seat() {
    auto place = pool_->pool->join_queue({client_.peer().ip, user_}, tried_, signal_);
    if (!place) co_return std::unexpected(place.error());
    phase_ = Phase::queued;
    const auto deadline =
        loop::sooner(signal_.loop().after(pool_->pool->config().queue.timeout), login_deadline_);
    bool is_counted = false;
    for (;;) {
        if (auto seat = place->take()) {
            phase_ = Phase::choosing;
            co_return std::move(*seat);
        }
        if (!std::exchange(is_counted, true)) metrics::count(metrics::Counter::sessions_queued);
        hear_waiting_client();
        if (is_over_ || stop_wanted_ || client_.has_deferred_quit() ||
            (on_loan_ && recall_->is_called()))
            co_return std::unexpected(pool::Refusal::all_full);
        if (signal_.loop().now() >= deadline) {
            // Full was long ago: the backends may be down by now, and the fallback's turn come.
            *place = pool::Place();
            auto last = pool_->pool->choose({client_.peer().ip, user_}, tried_);
            if (last || last.error() != pool::Refusal::all_full) co_return last;
            co_return std::unexpected(pool::Refusal::waited_in_vain);
        }
        if (has_room_to_hear()) client_.watch();
        (void)co_await signal_.wait(deadline);
    }
}

bool Session::has_room_to_hear() const {
    return sealed_ ? client_.unread().size() < net::client_hello_bytes_max : client_.may_poll();
}

/// Whether it is still there. What it says is kept.
void Session::hear_waiting_client() {
    if (sealed_) {
        const auto state = client_.receive(net::client_hello_bytes_max);
        if (state == net::Io::State::ended || state == net::Io::State::failed)
            end_because("the client left while it waited");
        return;
    }
    while (client_.may_poll() && !is_over_) {
        auto event = client_.poll();
        if (!event) break;
        if (event->kind == ClientEvent::Kind::ended || event->kind == ClientEvent::Kind::lost)
            end_because("the client left while it waited");
        client_.defer(std::move(*event));
    }
}

/// The pool has nobody who could serve, and names another that may.
bool Session::fall_back(pool::Refusal refusal) {
    const bool is_unable = refusal == pool::Refusal::none_resolved ||
                           refusal == pool::Refusal::all_down ||
                           refusal == pool::Refusal::all_tried;
    const auto& config = pool_->pool->config();
    if (!is_unable || config.fallback.empty()) return false;
    metrics::count(metrics::Counter::sessions_fallen_back);
    report(log::Level::info, "fallback pool",
           {{"pool", config.name},
            {"fallback", config.fallback},
            {"reason", pool::to_string(refusal)}});
    pool_ = surroundings_.pools.find(config.fallback);
    return true;
}

/// Connects to the backend of the present seat and says USER. A 421 is an error like a refused
/// connection: the next backend may have room. Any other answer is the client's to hear.
loop::Task<base::Result<ftp::Reply>> Session::try_backend() {
    const auto began = signal_.loop().now();
    auto reply = co_await (sealed_ ? try_sealed() : try_leg());
    login_time_ = signal_.loop().now() - began;
    co_return reply;
}

/// What a backend may learn of the client besides its address.
net::ProxyFacts Session::facts() const {
    net::ProxyFacts facts{.session = id_, .tls = {}};
    if (const auto* const tls = client_.tls())
        facts.tls = {.version = std::string(tls->version()),
                     .cipher = std::string(tls->cipher()),
                     .server_name = dialog_.server_name(),
                     .common_name = tls->peer_common_name()};
    return facts;
}

backend::Contact Session::contact_of_seat() const {
    const auto& chosen = seat_.backend();
    auto contact = pool_->access->contact(chosen.settings, chosen.id, chosen.address);
    contact.session = id_;
    switch (pool_->pool->config().send_proxy) {
        case config::ProxyHeader::off: break;
        case config::ProxyHeader::v1:
            contact.preamble = net::proxy_header_v1(client_.peer(), reached());
            break;
        case config::ProxyHeader::v2:
            contact.preamble = net::proxy_header_v2(client_.peer(), reached(), facts());
            break;
    }
    return contact;
}

loop::Task<base::Result<ftp::Reply>> Session::try_leg() {
    auto leg = co_await backend::Leg::connect(surroundings_.network, contact_of_seat(),
                                              client_.tls() != nullptr, signal_);
    if (!leg) co_return std::unexpected(leg.error());
    backend_ = std::move(*leg);
    (void)backend_->take_greeting();
    host_was_refused_ = false;
    if (const auto survey = backend_->known().survey();
        survey && survey->features.has("HOST") && !host_.empty()) {
        const auto host_line = "HOST " + host_;
        auto host = co_await backend_->command(host_line);
        if (!host) co_return std::unexpected(caused_by_line(host.error(), host_line));
        if (host->code == 421) co_return std::unexpected(has_no_room("HOST", *host));
        host_was_refused_ = host->is_negative();  // RFC 7151 3.1: 504 and the like
        if (host_was_refused_) co_return std::move(*host);
    }
    const auto user_line = user_line_to_backend();
    auto reply = co_await backend_->command(user_line);
    if (!reply) co_return std::unexpected(caused_by_line(reply.error(), user_line));
    if (reply->code == 421) co_return std::unexpected(has_no_room("USER", *reply));
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
        pool_->pool->observe_failure(seat_.backend().id, reason);
    tried_.push_back(seat_.backend().id);
    leave_backend();
}

loop::Task<> Session::credential(ftp::Command command) {
    keep_seat();
    const bool asks_for_user = command.verb == "USER";
    const auto former_user_line = user_line_;
    const auto former_user = user_;
    // At PASS again: it may have begun since, in another session of the same client.
    const auto ban =
        ban_of(routed_pool_, asks_for_user ? std::string_view(command.argument) : user_);
    if (ban && dialog_.login() != Dialog::Login::done)
        co_return co_await refuse_banned(*ban,
                                         asks_for_user ? std::string(command.argument) : user_);
    if (asks_for_user) {
        // Another user of this pool is this backend's business, one of another pool is not.
        auto routing = route_user(command);
        if (routing.refusal || routing.pool != routed_pool_ || routing.user != command.argument ||
            !base::is_same_but_for_case(routing.host, host_)) {
            forget_login_but_host();
            co_return co_await log_in(std::move(command));
        }
        user_line_ = command.line;
        user_ = command.argument;
        tried_.clear();
        password_is_lost_ = false;
    }
    // Its seat was needed while it waited for the client.
    if (!backend_) co_return co_await log_in_again(std::move(command));
    const auto began = signal_.loop().now();
    auto reply = co_await backend_->command(
        asks_for_user ? base::WipedString(user_line_to_backend()) : command.line);
    login_time_ += signal_.loop().now() - began;
    const bool logged_in = dialog_.login() == Dialog::Login::done;
    // Another backend would not know what this client has set since an earlier log-in.
    if (!reply && (logged_in || has_named_user_)) co_return co_await lose_backend(reply.error());
    // Nothing of this backend has been shown to the client yet but "331 password please".
    if (!reply) {
        auto error = caused_by_line(reply.error(), command.line);
        co_return co_await retry_login(std::move(command), std::move(error));
    }
    if (logged_in && !reply->is_negative()) {
        // It may have to log in again.
        login_deadline_ = signal_.loop().after(settings_.login_timeout);
    } else if (logged_in) {
        user_line_ = former_user_line;
        user_ = former_user;
    }
    co_await follow_login(std::move(command), std::move(*reply));
}

/// The backend went away at PASS or ACCT: one other hears USER and PASS. If that one goes away too,
/// or there is none, it was a wrong password: some servers answer one by closing.
loop::Task<> Session::retry_login(ftp::Command password, base::Error error) {
    give_up_backend(error);
    if (std::exchange(password_is_lost_, true)) {
        dialog_.set_login(Dialog::Login::none);
        metrics::count(metrics::Counter::logins_refused);
        auto reply = ftp::make_reply(530, "Not logged in.");
        report_login_refused(reply, user_, "backends end it at the password");
        count_failed_login(routed_pool_, user_);
        co_return co_await refuse_user(std::move(reply));
    }
    co_await log_in_again(std::move(password));
}

/// Another backend hears USER and PASS.
loop::Task<> Session::log_in_again(ftp::Command password) {
    phase_ = Phase::choosing;
    auto user_reply = co_await choose_backend();
    if (!user_reply) {
        if (password_is_lost_) count_failed_login(routed_pool_, user_);
        co_return;
    }
    if (user_reply->code != 331 || password.verb != "PASS")
        co_return co_await follow_login({"USER", {}, user_line_}, std::move(*user_reply));
    co_await credential(std::move(password));
}

loop::Task<> Session::follow_login(ftp::Command command, ftp::Reply reply) {
    const bool was_logged_in = dialog_.login() == Dialog::Login::done;
    // One that greets, asks for the password and then is silent serves nobody; one that refuses it
    // is well. A 421 tells neither.
    if (reply.kind() != 3 && reply.code != 421 && !was_logged_in)
        pool_->pool->observe_success(seat_.backend().id);
    // A user that has logged in keeps its name until another one has.
    if (!has_named_user_) journal_.note({"USER", user_, user_line_}, reply);
    if (reply.kind() == 3) {
        dialog_.set_login(Dialog::Login::in_progress);
    } else if (reply.is_positive() && (!was_logged_in || command.verb == "USER")) {
        if (auto refusal = take_user_place()) {
            if (was_logged_in) login_deadline_ = signal_.loop().after(settings_.login_timeout);
            co_return co_await answer(std::move(*refusal));
        }
        dialog_.set_login(Dialog::Login::done);
        journal_.note({"USER", user_, user_line_}, reply);
        has_named_user_ = true;
        if (!co_await replay_client_lines()) co_return;
        metrics::count(metrics::Counter::logins);
        on_loan_ = {};
        login_attempts_ = 0;
        // Each further one costs: logging in and out again and again is a storm, too.
        if (!std::exchange(has_logged_in_, true))
            surroundings_.ledger.login_succeeded(client_.peer().ip, connections_begun_,
                                                 signal_.loop().now());
        if (!was_logged_in)
            seat_.logged_in(std::chrono::duration_cast<std::chrono::microseconds>(login_time_));
        report(log::Level::info, "logged in");
    } else if (reply.is_negative() && !was_logged_in) {
        dialog_.set_login(Dialog::Login::none);
        metrics::count(metrics::Counter::logins_refused);
        const bool is_secret = ftp::holds_secret(command.line);
        report_login_refused(reply, user_, "the backend",
                             is_secret ? std::string_view(command.argument) : std::string_view());
        count_failed_login(routed_pool_, user_);
        heed_farewell(reply);
        lend_seat();
        co_return co_await refuse_user(std::move(reply));
    }
    // It is logged in as before. A refused PASS is no wrong password: its user has none.
    if (reply.is_negative() && command.verb == "USER")
        report_login_refused(reply, command.argument, "the backend");
    else if (reply.is_negative() && command.verb == "PASS")
        report_login_refused(reply, user_, "the backend", command.argument);
    heed_farewell(reply);
    lend_seat();
    co_await answer(std::move(reply));
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
