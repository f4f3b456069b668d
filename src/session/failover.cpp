// SPDX-License-Identifier: Apache-2.0
#include "session/failover.h"

#include "backend/refusal.h"
#include "events/bus.h"
#include "metrics/counters.h"

#include <cassert>
#include <chrono>
#include <exception>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

using namespace std::chrono_literals;

/// How soon a session that could not leave its backend tries again.
constexpr auto leave_pause = 10s;

/// A client whose commands kill its backends must not log in again and again. A rolling restart of
/// a whole cluster is far below that.
constexpr std::uint32_t losses_per_minute = 20;

/// The same for one command, which then is not repeated any more.
constexpr int losses_of_one_command_max = 2;

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
    : context_(context), login_(login), minute_began_(context.now()) {
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

/// A backend that its probes call down may never answer. If they call all of them down, it is the
/// best there is.
bool Failover::gives_up(pool::BackendId id) const {
    if (move_ && move_->search.is_on()) return move_->search.is_in_vain();
    auto& assignment = context_.assignment;
    return assignment && assignment.backend().id == id && assignment.seat().is_down() &&
           is_wanted() && assignment.pool().pool->has_other(id) && obstacle().empty();
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

// A move

Failover::Move::Move(Context& context, Login& login)
    : from_id(context.assignment.backend().id),
      from(context.backend_name()),
      since(context.now()),
      was_disabled(context.assignment.is_disabled()),
      search(context, login, context.assignment.pool()) {}

loop::Task<std::expected<Assignment, std::string>> Failover::find(BackendSearch::Bounds bounds) {
    if (auto problem = obstacle(); !problem.empty()) co_return std::unexpected(std::move(problem));
    if (context_.assignment) move_ = std::make_unique<Move>(context_, login_);
    assert(move_);
    co_return co_await move_->search.run(BackendSearch::For::data, std::move(bounds));
}

void Failover::end_trying() {
    if (move_) move_->search.end_trying();
}

void Failover::settle(Assignment assignment, MoveCause cause) {
    const auto& from = move_->from;
    const auto took = context_.now() - move_->since;
    const std::chrono::duration<double> seconds = took;
    const std::string to = assignment.backend().name;
    assignment.pool().pool->observe_success(assignment.backend().id);
    assignment.seat().logged_in(
        std::chrono::duration_cast<std::chrono::microseconds>(move_->search.login_time()));
    known_files_ = {};  // what one server said is not true of another
    context_.assignment = std::move(assignment);
    auto& data = context_.client_data;
    data.is_at_backend = false;
    // The former backend may give the port to another session, which the client must not meet.
    data.take_passage_back();
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
    // A transfer may have found another one before it left this one.
    const bool has_begun =
        move_ && move_->search.is_on() && move_->from_id == context_.assignment.backend().id;
    if (!has_begun) move_ = std::make_unique<Move>(context_, login_);
    auto leg = context_.assignment.take_leg();
    context_.assignment = {};
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
    const bool goes_on =
        co_await go_on(is_idle ? BackendSearch::For::idle : BackendSearch::For::command, error);
    if (goes_on) context_.set_phase(is_idle ? Phase::idle : Phase::working);
    move_.reset();
    co_return goes_on;
}

std::optional<base::Error> Failover::loss_at(const ftp::Command& command,
                                             const base::Result<ftp::Reply>& reply) const {
    if (!reply) return reply.error();
    if (reply->code != 421 || !is_wanted()) return std::nullopt;
    return backend::refusal(command.verb + ":", *reply);
}

loop::Task<bool> Failover::survive_command(base::Error error, int& losses) {
    if (!co_await survive(std::move(error))) co_return false;
    if (++losses <= losses_of_one_command_max) co_return true;
    co_await context_.answer(
        451, "The connection to the server was lost several times at this command.");
    co_return false;
}

loop::Task<bool> Failover::survive_transfer(base::Error error) {
    if (context_.is_over()) co_return false;
    // The client has its reply.
    if (context_.assignment) co_return co_await survive(std::move(error), true);
    co_return co_await go_on(BackendSearch::For::idle, error);
}

loop::Task<bool> Failover::go_on(BackendSearch::For whom, const base::Error& error) {
    auto& search = move_->search;
    const loop::Time::duration time = whom == BackendSearch::For::idle
                                          ? context_.settings.idle_timeout
                                          : search.pool().settings->failover_timeout;
    auto found = co_await search.run(
        whom, {.without = {move_->from_id}, .until = context_.loop().after(time)});
    const auto cause = move_->was_disabled ? MoveCause::disabled : MoveCause::lost;
    if (found) {
        settle(std::move(*found), cause);
        co_return true;
    }
    const auto& end = search.end();
    if (!end || *end == WaitEnd::too_late) note_not_moved(cause, found.error());
    co_await end_session(
        end, fmt::format("the backend was lost: {}; {}", base::to_string(error), found.error()));
    co_return false;
}

loop::Task<> Failover::end_session(const std::optional<WaitEnd>& end, std::string_view reason) {
    if (end == WaitEnd::client_left) {
        context_.end_because("the client left after its backend was lost");
    } else if (end == WaitEnd::client_quits) {
        context_.end_because("the client said QUIT");
        co_await context_.answer(221, "Goodbye.");
    } else if (end == WaitEnd::service_stops) {
        co_await context_.end_with(context_.is_cut() ? cut_text : "Service is shutting down.");
    } else {
        context_.end_because(reason);
        co_await context_.end_with(move_->was_disabled ? out_of_service_text : lost_text);
    }
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
    move_ = std::make_unique<Move>(context_, login_);
    auto& search = move_->search;
    auto found = co_await search.run(
        BackendSearch::For::idle,
        {.without = {former.backend().id},
         .only = cause == MoveCause::rebalanced ? former.seat().move_target() : std::nullopt,
         .until = context_.loop().after(former.settings().failover_timeout),
         .may_wait = false});
    context_.set_phase(Phase::idle);
    not_before_ = context_.loop().after(leave_pause);
    if (found) {
        // A polite end. Nobody waits for the answer.
        if (cause != MoveCause::down) (void)co_await former.leg()->send("QUIT");
        settle(std::move(*found), cause);
    } else {
        former.seat().decline_move();
        if (!search.end() || search.end() == WaitEnd::too_late)
            note_not_moved(cause, found.error());
    }
    move_.reset();
    co_return found.has_value();
}

void Failover::note_not_moved(MoveCause cause, std::string_view reason) {
    metrics::count(metrics::Counter::sessions_not_moved);
    context_.report(log::Level::info, "session not moved",
                    {{"cause", to_string(cause)}, {"reason", reason}});
    context_.story.note(
        context_.now(), Fact::not_moved,
        {context_.assignment ? context_.backend_name() : move_->from, to_string(cause), reason});
}

}  // namespace ballast::session
