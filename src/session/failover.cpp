// SPDX-License-Identifier: Apache-2.0
#include "session/failover.h"

#include "backend/refusal.h"
#include "events/bus.h"
#include "metrics/counters.h"
#include "session/replay.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

using namespace std::chrono_literals;

/// How soon to ask again for a backend when none can be had.
constexpr auto search_pause = 500ms;

/// How soon a session that could not leave its backend tries again.
constexpr auto leave_pause = 10s;

/// How long a client that speaks waits while its session leaves a backend that still answers.
constexpr loop::Time::duration speaking_time = 1s;

/// A client whose commands kill its backends must not log in again and again. A rolling restart of
/// a whole cluster is far below that.
constexpr std::uint32_t losses_per_minute = 20;

constexpr std::string_view lost_text = "The connection to the server was lost.";

metrics::Counter counter_of(MoveCause cause) {
    switch (cause) {
        case MoveCause::lost: return metrics::Counter::sessions_moved_lost;
        case MoveCause::down: return metrics::Counter::sessions_moved_down;
        case MoveCause::drained: return metrics::Counter::sessions_moved_drained;
        case MoveCause::disabled: return metrics::Counter::sessions_moved_disabled;
        case MoveCause::rebalanced: return metrics::Counter::sessions_moved_rebalanced;
    }
    std::terminate();
}

}  // namespace

std::string_view to_string(MoveCause cause) {
    switch (cause) {
        case MoveCause::lost: return "lost";
        case MoveCause::down: return "down";
        case MoveCause::drained: return "drained";
        case MoveCause::disabled: return "disabled";
        case MoveCause::rebalanced: return "rebalanced";
    }
    std::terminate();
}

Failover::Failover(Context& context, Login& login)
    : context_(context),
      login_(login),
      placement_(context, *this, *this),
      minute_began_(context.now()) {
    context.gives_up = [this](pool::BackendId id) { return gives_up(id); };
}

bool Failover::is_wanted() const {
    return context_.is_logged_in() && context_.assignment &&
           context_.assignment.settings().failover != config::Failover::off;
}

bool Failover::moves_transfers() const {
    return is_wanted() && context_.assignment.settings().failover == config::Failover::transfer;
}

std::string Failover::obstacle() const {
    if (auto gap = login_.replay_gap(); !gap.empty()) return gap;
    return context_.journal.gap();
}

// What the client does meanwhile

bool Failover::wants_to_quit() const {
    return waits_ == Waits::idle && context_.client.first_deferred() == "QUIT";
}

bool Failover::wants_to_abort() const {
    return waits_ == Waits::for_data && context_.client.has_deferred("ABOR");
}

void Failover::watch() {
    if (context_.client.may_poll()) context_.client.watch();
}

/// An idle client notices nothing. Its time begins with its next command.
loop::Deadline Failover::deadline() const {
    if (waits_ == Waits::idle && client_until_ == loop::never && context_.client.has_deferred())
        // Its present backend answers, so it need not wait.
        client_until_ = context_.loop().after(
            may_wait_ ? loop::Time::duration(pool_.settings->failover_timeout) : speaking_time);
    return loop::sooner(until_, client_until_);
}

bool Failover::is_urgent() const { return waits_ != Waits::idle || context_.client.has_deferred(); }

/// A transfer may end before the service does.
bool Failover::heeds_stop() const { return waits_ != Waits::for_data || context_.is_cut(); }

// The search

/// A backend that its probes call down may never answer.
bool Failover::gives_up(pool::BackendId id) {
    if (is_searching_ || is_trying_) return is_in_vain();
    auto& assignment = context_.assignment;
    return assignment && assignment.backend().id == id && assignment.seat().is_down() &&
           is_wanted() && obstacle().empty();
}

/// Asked by everything that waits for a backend, whenever the session's signal is raised.
bool Failover::is_in_vain() {
    const bool is_here = hear();
    watch();
    return !is_here || context_.now() >= deadline() || wants_to_quit() || wants_to_abort() ||
           (context_.is_stop_wanted() && heeds_stop());
}

/// A backend's connection has other deadlines of its own.
loop::Task<> Failover::wake_at_deadline() {
    loop::Signal alarm(context_.loop());
    for (;;) {
        const auto due = deadline();
        (void)co_await alarm.wait(loop::sooner(due, context_.loop().after(1s)));
        if (context_.now() >= due) co_return;  // its end raises the signal
    }
}

/// For the log, and for the client whose transfer ends.
std::string Failover::why_none(const Unplaced& why) const {
    std::string text;
    if (const auto* const refusal = std::get_if<pool::Refusal>(&why))
        text = pool::to_string(*refusal);
    else if (std::get<WaitEnd>(why) == WaitEnd::too_late)
        text = "no other backend could be had in time";
    else
        text = text_of(why);
    const auto& last = placement_.last_reason();
    return last.empty() ? text : fmt::format("{}; the last one failed: {}", text, last);
}

loop::Task<std::expected<Assignment, std::string>> Failover::search(Waits waits, Search search) {
    waits_ = waits;
    until_ = search.until;
    client_until_ = loop::never;
    end_.reset();
    is_searching_ = true;
    is_trying_ = false;
    may_wait_ = search.may_wait;
    context_.set_phase(Phase::moving);
    alarm_ = loop::Job::start(wake_at_deadline(), &context_.signal);
    std::expected<Assignment, std::string> result = std::unexpected(std::string());
    for (;;) {
        was_refused_ = false;
        placement_.begin_move(pool_, login_.user(), search.without);
        auto placed = co_await placement_.find();
        if (placed) {
            login_time_ = placed->time;
            result = std::move(placed->assignment);
            break;
        }
        if (const auto* const end = std::get_if<WaitEnd>(&placed.error())) end_ = *end;
        result = std::unexpected(why_none(placed.error()));
        if (end_ || was_refused_ || !search.may_wait) break;
        const auto again_at = context_.loop().after(search_pause);
        while (context_.now() < again_at && !is_in_vain())
            (void)co_await context_.signal.wait(loop::sooner(again_at, deadline()));
        if (!hear()) end_ = WaitEnd::client_left;
        if (wants_to_quit()) end_ = WaitEnd::client_quits;
        if (context_.is_stop_wanted() && heeds_stop()) end_ = WaitEnd::service_stops;
        if (is_in_vain()) break;
        // The one that was lost may have come back.
        search.without.clear();
    }
    is_searching_ = false;
    is_trying_ = result && waits == Waits::for_data;
    if (!is_trying_) alarm_.cancel();
    co_return result;
}

/// Errors say nothing about the health of a backend that has answered.
loop::Task<base::Result<ftp::Reply>> Failover::introduce(Assignment& assignment) {
    if (auto logged_in = co_await login_.log_in_elsewhere(assignment); !logged_in) {
        const auto& error = logged_in.error();
        // An error with a code is a lost connection.
        was_refused_ = was_refused_ || (error.fault == base::Fault::backend_refused &&
                                        !error.code && !assignment.is_disabled());
        co_return std::unexpected(logged_in.error());
    }
    auto replayed = co_await replay(*assignment.leg(), context_.journal);
    if (replayed) co_return ftp::Reply{};
    const auto& problem = replayed.error();
    const bool is_lost = problem.kind == ReplayProblem::Kind::lost;
    const bool is_full = problem.reply.code == 421;
    was_refused_ = was_refused_ || (!is_lost && !is_full);
    co_return std::unexpected(
        base::Error{is_full ? base::Fault::backend_full : base::Fault::backend_refused,
                    {},
                    to_string(problem)});
}

void Failover::hear(const ftp::Command& command, const ftp::Reply& reply) {
    if (!ftp::may_repeat(command.line)) known_files_ = {};
    if (!moves_transfers()) return;
    // SIZE counts the bytes that a transfer of the present TYPE would have.
    const bool is_size = command.verb == "SIZE" && context_.journal.is_binary();
    if (!is_size && command.verb != "MDTM") return;
    FileFacts facts;
    facts.note(command.verb, reply);
    known_files_.add(context_.journal.path_of(command.argument), facts, context_.now());
}

loop::Task<std::expected<Assignment, std::string>> Failover::find(Search search) {
    if (auto problem = obstacle(); !problem.empty()) co_return std::unexpected(std::move(problem));
    if (context_.assignment) pool_ = context_.assignment.pool();
    co_return co_await this->search(Waits::for_data, std::move(search));
}

void Failover::settle(Assignment assignment, MoveCause cause, std::string_view from,
                      loop::Time since) {
    const auto took = context_.now() - since;
    const std::chrono::duration<double> seconds = took;
    const std::string to = assignment.backend().name;
    assignment.pool().pool->observe_success(assignment.backend().id);
    assignment.seat().logged_in(std::chrono::duration_cast<std::chrono::microseconds>(login_time_));
    known_files_ = {};  // what one server said is not true of another
    context_.assignment = std::move(assignment);
    metrics::count(counter_of(cause));
    if (const auto figures = context_.assignment.figures()) ++figures->logins;
    context_.report(log::Level::info, "session moved",
                    {{"from", from}, {"cause", to_string(cause)}, {"seconds", seconds.count()}});
    context_.story.note(context_.now(), Fact::moved, {from, to, to_string(cause), took});
    if (events::is_wanted(events::Kind::session_moved))
        events::publish(events::Kind::session_moved,
                        {{"session", context_.id},
                         {"listener", context_.settings.name},
                         {"client", base::to_string(context_.client.peer())},
                         {"user", context_.identity.user},
                         {"pool", context_.pool_name()},
                         {"from", from},
                         {"backend", to},
                         {"cause", to_string(cause)},
                         {"seconds", seconds.count()}});
    not_before_ = {};
}

// Losses

std::unique_ptr<backend::Leg> Failover::leave_lost() {
    auto& assignment = context_.assignment;
    pool_ = assignment.pool();
    left_ = {assignment.backend().id, std::string(context_.backend_name()), context_.now(),
             assignment.is_disabled()};
    auto leg = assignment.take_leg();
    assignment = {};
    return leg;
}

bool Failover::may_lose_another() {
    if (context_.now() - minute_began_ > 1min) {
        minute_began_ = context_.now();
        losses_ = 0;
    }
    return ++losses_ <= losses_per_minute;
}

loop::Task<bool> Failover::survive(const ftp::Reply& farewell) {
    return survive(backend::refusal("the backend ended the session with", farewell));
}

loop::Task<bool> Failover::survive(base::Error error) {
    return survive(std::move(error), context_.current_command.empty());
}

loop::Task<bool> Failover::survive(base::Error error, bool is_idle) {
    if (context_.is_over()) co_return false;
    if (!is_wanted() || context_.is_cut()) {
        co_await context_.lose_backend(error);
        co_return false;
    }
    auto problem = obstacle();
    if (problem.empty() && !may_lose_another()) problem = too_many_losses;
    if (!problem.empty()) {
        note_not_moved(MoveCause::lost, problem);
        co_await context_.lose_backend(error);
        co_return false;
    }
    if (!context_.assignment.is_disabled()) context_.report_loss(error);
    (void)leave_lost();
    const bool goes_on = co_await go_on(is_idle ? Waits::idle : Waits::for_command, error);
    if (goes_on) context_.set_phase(is_idle ? Phase::idle : Phase::working);
    co_return goes_on;
}

loop::Task<bool> Failover::survive_transfer(base::Error error) {
    if (context_.is_over()) co_return false;
    // The client has its reply.
    if (!context_.assignment) co_return co_await go_on(Waits::idle, error);
    co_return co_await survive(std::move(error), true);
}

loop::Task<bool> Failover::go_on(Waits waits, const base::Error& error) {
    const loop::Time::duration time =
        waits == Waits::idle ? context_.settings.idle_timeout : pool_.settings->failover_timeout;
    auto found =
        co_await search(waits, {.without = {left_.id}, .until = context_.loop().after(time)});
    const auto cause = left_.was_disabled ? MoveCause::disabled : MoveCause::lost;
    if (found) {
        settle(std::move(*found), cause, left_.name, left_.since);
        co_return true;
    }
    if (!end_ || *end_ == WaitEnd::too_late) note_not_moved(cause, found.error());
    if (end_ == WaitEnd::client_left) {
        context_.end_because("the client left after its backend was lost");
    } else if (end_ == WaitEnd::client_quits) {
        context_.end_because("the client said QUIT");
        co_await context_.answer(221, "Goodbye.");
    } else if (end_ == WaitEnd::service_stops) {
        co_await context_.end_with(context_.is_cut() ? cut_text : "Service is shutting down.");
    } else {
        context_.end_because(
            fmt::format("the backend was lost: {}; {}", base::to_string(error), found.error()));
        co_await context_.end_with(left_.was_disabled ? out_of_service_text : lost_text);
    }
    co_return false;
}

// Between two commands

std::optional<MoveCause> Failover::wish() const {
    auto& assignment = context_.assignment;
    if (!is_wanted() || context_.now() < not_before_) return std::nullopt;
    switch (assignment.admin()) {
        case pool::AdminState::ready: break;
        case pool::AdminState::disabled: return MoveCause::disabled;
        default: return MoveCause::drained;
    }
    if (assignment.seat().is_down()) return MoveCause::down;
    if (assignment.seat().move_target()) return MoveCause::rebalanced;
    return std::nullopt;
}

loop::Task<bool> Failover::leave(MoveCause cause) {
    not_before_ = context_.loop().after(leave_pause);
    if (auto problem = obstacle(); !problem.empty()) {
        note_not_moved(cause, problem);
        co_return false;
    }
    auto& former = context_.assignment;
    pool_ = former.pool();
    Search search{.without = {former.backend().id}, .until = {}, .may_wait = false};
    if (cause == MoveCause::rebalanced) search.without = all_but(former.seat().move_target());
    const auto began = context_.now();
    search.until = context_.loop().after(former.settings().failover_timeout);
    auto found = co_await this->search(Waits::idle, std::move(search));
    context_.set_phase(Phase::idle);
    not_before_ = context_.loop().after(leave_pause);
    if (!found) {
        former.seat().decline_move();
        if (!end_ || *end_ == WaitEnd::too_late) note_not_moved(cause, found.error());
        co_return false;
    }
    const std::string from(context_.backend_name());
    // A polite end. Nobody waits for the answer.
    if (cause != MoveCause::down) (void)co_await former.leg()->send("QUIT");
    settle(std::move(*found), cause, from, began);
    co_return true;
}

std::vector<pool::BackendId> Failover::all_but(std::optional<pool::BackendId> wanted) const {
    std::vector<pool::BackendId> others;
    for (const auto& each : context_.assignment.pool().pool->status())
        if (each.backend.id != wanted) others.push_back(each.backend.id);
    return others;
}

void Failover::note_not_moved(MoveCause cause, std::string_view reason) {
    metrics::count(metrics::Counter::sessions_not_moved);
    context_.report(log::Level::info, "session not moved",
                    {{"cause", to_string(cause)}, {"reason", reason}});
    context_.story.note(context_.now(), Fact::not_moved,
                        {context_.backend_name(), to_string(cause), reason});
}

}  // namespace ballast::session
