// SPDX-License-Identifier: Apache-2.0
#include "session/backend_search.h"

#include "session/replay.h"

#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

using namespace std::chrono_literals;

/// How soon to ask again for a backend when none can be had.
constexpr auto search_pause = 500ms;

/// How long a client that speaks waits while its session leaves a backend that still answers.
constexpr loop::Time::duration speaking_time = 1s;

}  // namespace

// The client meanwhile

bool BackendSearch::wants_to_quit() const {
    return for_ == For::idle && context_.client.first_deferred() == "QUIT";
}

bool BackendSearch::wants_to_abort() const {
    return for_ == For::data && context_.client.has_deferred("ABOR");
}

/// An idle client notices nothing. Its time begins with its next command.
loop::Deadline BackendSearch::deadline() const {
    if (for_ == For::idle && client_until_ == loop::never && context_.client.has_deferred())
        // Its present backend answers, so it need not wait.
        client_until_ = context_.loop().after(
            may_wait_ ? loop::Time::duration(pool_.settings->failover_timeout) : speaking_time);
    return loop::sooner(until_, client_until_);
}

bool BackendSearch::is_urgent() const {
    return for_ != For::idle || context_.client.has_deferred();
}

/// A transfer may end before the service does.
bool BackendSearch::heeds_stop() const { return for_ != For::data || context_.is_cut(); }

bool BackendSearch::shall_stop() const { return context_.is_stop_wanted() && heeds_stop(); }

bool BackendSearch::is_in_vain() {
    const bool is_here = hear();
    watch();
    return !is_here || context_.now() >= deadline() || wants_to_quit() || wants_to_abort() ||
           shall_stop();
}

// The search

/// A backend's connection has other deadlines of its own.
loop::Task<> BackendSearch::wake_at_deadline() {
    loop::Signal alarm(context_.loop());
    for (;;) {
        const auto due = deadline();
        (void)co_await alarm.wait(loop::sooner(due, context_.loop().after(1s)));
        if (context_.now() >= due) co_return;  // its end raises the signal
    }
}

/// For the log, and for the client whose transfer ends.
std::string BackendSearch::why_none(const Unplaced& why) const {
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

void BackendSearch::begin(For whom, const Bounds& bounds) {
    for_ = whom;
    until_ = bounds.until;
    may_wait_ = bounds.may_wait;
    client_until_ = loop::never;
    end_.reset();
    is_on_ = true;
    context_.set_phase(Phase::moving);
    alarm_ = loop::Job::start(wake_at_deadline(), &context_.signal);
}

void BackendSearch::end_trying() {
    is_on_ = false;
    alarm_.cancel();
}

/// Until it is worth asking again. Notes why it is not.
loop::Task<> BackendSearch::pause() {
    const auto again_at = context_.loop().after(search_pause);
    while (context_.now() < again_at && !is_in_vain())
        (void)co_await context_.signal.wait(loop::sooner(again_at, deadline()));
    if (!hear()) end_ = WaitEnd::client_left;
    if (wants_to_quit()) end_ = WaitEnd::client_quits;
    if (shall_stop()) end_ = WaitEnd::service_stops;
}

loop::Task<std::expected<Assignment, std::string>> BackendSearch::run(For whom, Bounds bounds) {
    begin(whom, bounds);
    for (;;) {
        was_refused_ = false;
        placement_.begin_move(pool_, login_.user(), bounds.without, bounds.only);
        auto placed = co_await placement_.find();
        if (placed) {
            login_time_ = placed->time;
            if (whom != For::data) end_trying();
            co_return std::move(placed->assignment);
        }
        if (const auto* const end = std::get_if<WaitEnd>(&placed.error())) end_ = *end;
        auto why = why_none(placed.error());
        bool is_over = end_ || was_refused_ || !bounds.may_wait;
        if (!is_over) {
            co_await pause();
            is_over = is_in_vain();
        }
        if (is_over) {
            end_trying();
            co_return std::unexpected(std::move(why));
        }
        // The one that was lost may have come back.
        bounds.without.clear();
    }
}

/// Errors say nothing about the health of a backend that has answered.
loop::Task<base::Result<ftp::Reply>> BackendSearch::introduce(Assignment& assignment) {
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

}  // namespace ballast::session
