// SPDX-License-Identifier: Apache-2.0
#include "session/placement.h"

#include "events/bus.h"
#include "metrics/counters.h"
#include "session/limit_note.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

using namespace std::chrono_literals;

/// Counts the configured backends only. Those from a file and from names come on top.
std::uint64_t sessions_of_all(const config::Pool& pool) {
    std::uint64_t sessions = 0;
    for (const auto& backend : pool.backends) sessions += backend.max_sessions;
    return sessions;
}

base::Blame blame_of(pool::Refusal refusal) {
    switch (refusal) {
        case pool::Refusal::none_resolved: return base::Blame::network;
        case pool::Refusal::all_withdrawn:
        case pool::Refusal::sticky_withdrawn: return base::Blame::configuration;
        default: return base::Blame::backend;
    }
}

}  // namespace

std::string text_of(const Unplaced& why) {
    if (const auto* const refusal = std::get_if<pool::Refusal>(&why))
        return fmt::format("Service not available: {}.", pool::to_string(*refusal));
    switch (std::get<WaitEnd>(why)) {
        case WaitEnd::client_left:
        case WaitEnd::client_quits: return "the client left while it waited";
        case WaitEnd::service_stops: return "Service is shutting down.";
        case WaitEnd::place_needed: return refusal_text(guard::Limit::sessions);
        case WaitEnd::too_late: return "Service not available: login took too long.";
        case WaitEnd::client_aborts: return "the client said ABOR";
    }
    std::terminate();
}

void Placement::begin(const ServedPool& pool, std::string user) {
    search_ = std::make_unique<Search>(Search{.pool = pool, .user = std::move(user)});
}

void Placement::begin_again(std::string user) {
    begin(ServedPool(search_ ? search_->pool : context_.assignment.pool()), std::move(user));
}

void Placement::begin_move(const ServedPool& pool, std::string user,
                           std::vector<pool::BackendId> without,
                           std::optional<pool::BackendId> only) {
    search_ = std::make_unique<Search>(Search{.pool = pool,
                                              .user = std::move(user),
                                              .tried = std::move(without),
                                              .only = only,
                                              .is_move = true});
}

loop::Task<std::expected<Placed, Unplaced>> Placement::find() {
    assert(search_);
    search_->last_reason.clear();
    // Not really tried: Ballast itself had no descriptor, source port or memory for them.
    std::vector<pool::BackendId> passed_over;
    for (;;) {
        auto seat = co_await find_seat(passed_over);
        if (!seat) co_return std::unexpected(seat.error());
        // The administrator may have taken the backend out since.
        if (seat->admin() != pool::AdminState::ready) continue;
        Assignment assignment(search_->pool, std::move(*seat), context_.signal);
        const auto began = context_.now();
        auto reply = co_await introduction_.introduce(assignment);
        const auto time = context_.now() - began;
        if (reply) {
            tell_connection(assignment, time);
            co_return Placed{std::move(assignment), std::move(*reply), time};
        }
        if (reply.error().fault == base::Fault::internal)
            passed_over.push_back(assignment.backend().id);
        give_up(std::move(assignment), reply.error(), time);
    }
}

/// What the client's side says against waiting on.
std::optional<WaitEnd> Placement::interruption() {
    if (!client_.hear()) return WaitEnd::client_left;
    if (context_.is_stop_wanted() && client_.heeds_stop()) return WaitEnd::service_stops;
    if (context_.place.is_recalled()) return WaitEnd::place_needed;
    if (client_.wants_to_quit()) return WaitEnd::client_quits;
    if (client_.wants_to_abort()) return WaitEnd::client_aborts;
    if (search_->is_move && context_.now() >= client_.deadline()) return WaitEnd::too_late;
    return std::nullopt;
}

/// Limits new connections to backends, per address and in total, or per pool.
loop::Task<std::optional<WaitEnd>> Placement::await_turn() {
    std::optional<pool::MoveTurn> turn;
    bool is_noted = false;
    for (;;) {
        const auto now = context_.now();
        loop::Time ask_at;
        if (search_->is_move) {
            if (!turn) turn = search_->pool.pool->move_turn();
            const auto wait = turn->ask(client_.is_urgent());
            if (!wait) break;
            ask_at = *wait;
        } else {
            const auto wait = context_.ledger().begin_login(context_.client.peer().ip, now);
            if (!wait) break;
            if (!std::exchange(is_noted, true)) context_.reached(wait->limit);
            ask_at = wait->until;
        }
        if (const auto end = interruption()) co_return end;
        if (now >= client_.deadline()) co_return WaitEnd::too_late;
        client_.watch();
        (void)co_await context_.signal.wait(loop::sooner(ask_at, client_.deadline()));
    }
    ++connections_begun_;
    co_return std::nullopt;
}

std::expected<pool::Seat, pool::Refusal> Placement::choose(
    const std::vector<pool::BackendId>& without) {
    const pool::Client client{context_.client.peer().ip, search_->user};
    if (search_->only) {
        if (std::ranges::find(without, *search_->only) != without.end())
            return std::unexpected(pool::Refusal::all_tried);
        auto seat = search_->pool.pool->seat_on(*search_->only, client);
        if (!seat) return std::unexpected(pool::Refusal::all_full);
        return std::move(*seat);
    }
    const bool is_told = context_.story.is_kept();
    pool::Choice choice;
    auto chosen = search_->pool.pool->choose(client, without, is_told ? &choice : nullptr);
    if (is_told) tell(choice, chosen ? chosen->backend().name : std::string_view());
    return chosen;
}

loop::Task<std::expected<pool::Seat, Unplaced>> Placement::find_seat(
    std::vector<pool::BackendId>& passed_over) {
    for (;;) {
        if (search_->is_move)
            if (const auto end = interruption()) co_return std::unexpected(*end);
        if (const auto end = co_await await_turn()) co_return std::unexpected(*end);
        auto without = search_->tried;
        without.insert(without.end(), passed_over.begin(), passed_over.end());
        auto chosen = choose(without);
        std::expected<pool::Seat, Unplaced> seat = std::unexpected(pool::Refusal::all_full);
        if (chosen)
            seat = std::move(*chosen);
        else if (chosen.error() == pool::Refusal::all_full && client_.may_queue())
            seat = co_await wait_for_seat(std::move(without));
        else
            seat = std::unexpected(chosen.error());
        if (context_.is_stop_wanted() && client_.heeds_stop())
            co_return std::unexpected(WaitEnd::service_stops);
        if (seat && context_.now() >= client_.deadline())
            co_return std::unexpected(WaitEnd::too_late);
        if (seat || std::holds_alternative<WaitEnd>(seat.error())) co_return seat;
        const auto refusal = std::get<pool::Refusal>(seat.error());
        // The client has waited long enough.
        if (client_.wants_to_quit()) co_return std::unexpected(WaitEnd::client_quits);
        if (search_->is_move) co_return seat;
        if (passed_over.empty() && fall_back(refusal)) continue;
        metrics::count(metrics::Counter::sessions_without_backend);
        report_none(refusal);
        co_return seat;
    }
}

/// Queues in the pool until it is this session's turn. A client that leaves or says QUIT gives up
/// its place.
loop::Task<std::expected<pool::Seat, Unplaced>> Placement::wait_for_seat(
    std::vector<pool::BackendId> without) {
    const pool::Client client{context_.client.peer().ip, search_->user};
    auto place = search_->pool.pool->join_queue(client, without, context_.signal);
    if (!place) co_return std::unexpected(place.error());
    const auto began = context_.now();
    const auto tell_end = [this, began](std::string_view outcome) {
        context_.story.note(context_.now(), Fact::left_queue, {outcome, context_.now() - began});
    };
    context_.story.note(began, Fact::queued, {search_->pool.settings->name});
    context_.set_phase(Phase::queued);
    const auto latest = context_.loop().after(search_->pool.settings->queue.timeout);
    bool is_counted = false;
    for (;;) {
        if (auto seat = place->take()) {
            context_.set_phase(Phase::choosing);
            tell_end(fmt::format("a seat on {} is free", seat->backend().name));
            co_return std::move(*seat);
        }
        if (const auto refusal = place->refusal()) {
            context_.set_phase(Phase::choosing);
            tell_end(pool::to_string(*refusal));
            co_return std::unexpected(*refusal);
        }
        if (!std::exchange(is_counted, true)) metrics::count(metrics::Counter::sessions_queued);
        if (const auto end = interruption()) {
            tell_end(text_of(*end));
            co_return std::unexpected(*end);
        }
        const auto deadline = loop::sooner(latest, client_.deadline());
        if (context_.now() >= deadline) {
            tell_end("it took too long");
            // The pool was full long ago. Meanwhile its backends may have gone down.
            *place = pool::Place();
            auto last = search_->pool.pool->choose(client, without);
            if (last) co_return std::move(*last);
            co_return std::unexpected(last.error() == pool::Refusal::all_full
                                          ? pool::Refusal::waited_in_vain
                                          : last.error());
        }
        client_.watch();
        (void)co_await context_.signal.wait(deadline);
    }
}

/// No backend of the pool can serve. Falls back to another pool if one is configured.
bool Placement::fall_back(pool::Refusal refusal) {
    const bool is_unable =
        refusal == pool::Refusal::none_resolved || refusal == pool::Refusal::all_down ||
        refusal == pool::Refusal::all_withdrawn || refusal == pool::Refusal::down_or_withdrawn ||
        refusal == pool::Refusal::all_tried;
    const auto& config = *search_->pool.settings;
    if (!is_unable || config.fallback.empty()) return false;
    metrics::count(metrics::Counter::sessions_fallen_back);
    context_.report(log::Level::info, "fallback pool",
                    {{"pool", config.name},
                     {"fallback", config.fallback},
                     {"reason", pool::to_string(refusal)}});
    context_.story.note(context_.now(), Fact::fallback,
                        {config.name, config.fallback, pool::to_string(refusal)});
    search_->pool = *context_.surroundings.pools->find(config.fallback);
    return true;
}

void Placement::give_up(Assignment assignment, const base::Error& error,
                        loop::Time::duration time) {
    search_->last_reason = base::to_string(error);
    metrics::count(metrics::Counter::backend_attempts_failed);
    const auto& backend = assignment.backend();
    // What failed before there was a leg has been counted.
    if (const auto* const leg = assignment.leg();
        leg != nullptr && error.fault != base::Fault::internal)
        leg->count(error.fault == base::Fault::backend_full ? metrics::BackendError::full
                                                            : metrics::BackendError::login);
    context_.report_fault(base::blame_of(error), "backend failed before login, the next is tried",
                          {{"backend", backend.name}, {"reason", search_->last_reason}});
    context_.story.note(
        context_.now(), Fact::attempt_failed,
        {backend.name, base::to_string(backend.address), search_->last_reason, time});
    if (error.fault == base::Fault::backend)
        search_->pool.pool->observe_failure(backend.id, search_->last_reason);
    if (error.fault != base::Fault::internal) search_->tried.push_back(backend.id);
}

void Placement::tell(const pool::Choice& choice, std::string_view chosen) {
    auto& story = context_.story;
    const auto now = context_.now();
    for (const auto& [name, numbers, unfit] : choice.options)
        if (unfit == pool::Unfit::no)
            story.note(now, Fact::candidate,
                       {name, numbers.weight, numbers.sessions, numbers.transfers,
                        numbers.bytes_per_second, numbers.login_microseconds});
        else
            story.note(now, Fact::not_candidate, {name, pool::to_string(unfit), numbers.sessions});
    if (choice.more > 0) story.note(now, Fact::more_candidates, {choice.more});
    if (chosen.empty()) return;
    const bool is_picked = choice.why == pool::Choice::Why::policy;
    story.note(now, Fact::chosen,
               {search_->pool.settings->name, chosen, pool::to_string(choice.why),
                is_picked ? choice.policy : std::string_view()});
}

void Placement::tell_connection(const Assignment& assignment, loop::Time::duration time) {
    if (!context_.story.is_kept()) return;
    const auto& backend = assignment.backend();
    const auto* const leg = assignment.leg();
    // Where the client's TLS passes through, only all steps together are known.
    const auto times = leg != nullptr ? leg->times() : backend::Leg::Times{.connect = time};
    const auto* const tls = leg != nullptr ? leg->tls() : nullptr;
    context_.story.note(
        context_.now(), Fact::connected,
        {backend.name, base::to_string(backend.address), times.connect, times.greeting, times.tls,
         tls != nullptr ? std::string_view(tls->version()) : std::string_view(),
         tls != nullptr ? std::string_view(tls->cipher()) : std::string_view(),
         time - times.connect - times.greeting - times.tls});
}

void Placement::report_none(pool::Refusal refusal) {
    const auto& pool = *search_->pool.settings;
    context_.story.note(context_.now(), Fact::no_backend,
                        {pool.name, pool::to_string(refusal), search_->last_reason});
    if (refusal == pool::Refusal::queue_full || refusal == pool::Refusal::waited_in_vain ||
        refusal == pool::Refusal::all_full)
        events::publish_seldom(events::Kind::queue_full, pool.name,
                               {{"pool", pool.name}, {"reason", pool::to_string(refusal)}});
    const log::Field name = {"pool", pool.name};
    const log::Field reason = {"reason", pool::to_string(refusal)};
    const auto limited_by = [&](std::string_view key, std::uint64_t value, std::string_view cure) {
        context_.report_fault(base::Blame::configuration, "no backend for a session",
                              {name,
                               reason,
                               {"key", fmt::format("{}.{}", pool.where.key, key)},
                               {"value", value},
                               {"cure", cure}});
    };
    switch (refusal) {
        case pool::Refusal::all_full:
            return limited_by("backend.max_sessions", sessions_of_all(pool),
                              "add backends, raise it, or let clients wait with queue.length");
        case pool::Refusal::queue_full:
            return limited_by("queue.length", pool.queue.length,
                              "add backends, or raise it or max_sessions");
        case pool::Refusal::waited_in_vain:
            return limited_by("queue.timeout", static_cast<std::uint64_t>(pool.queue.timeout / 1s),
                              "add backends, or raise it or max_sessions");
        default:
            return context_.report_fault(blame_of(refusal), "no backend for a session",
                                         {name, reason, {"last", search_->last_reason}});
    }
}

}  // namespace ballast::session
