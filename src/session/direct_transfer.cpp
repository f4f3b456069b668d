// SPDX-License-Identifier: Apache-2.0
#include "session/direct_transfer.h"

#include "backend/refusal.h"
#include "guard/command_policy.h"
#include "metrics/commands.h"
#include "session/direct_data.h"
#include "session/farewells.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

using Reason = TransferReason;

/// How many commands are taken from one client in one turn.
constexpr int commands_in_a_row = 16;

/// How long a backend may take to end a transfer that an operator ends. vsftpd reads no ABOR before
/// the end of the data.
constexpr auto operators_patience = std::chrono::seconds(5);

/// RFC 959 4.2.1: replies about the data connection, which is between client and backend.
bool is_about_data_connection(std::uint16_t code) { return code == 425 || code == 426; }

}  // namespace

DirectTransfer::DirectTransfer(Context& context, std::string line, ftp::Direction direction,
                               std::optional<std::uint64_t> restart, bool may_survive)
    : context_(context),
      leg_(context.leg()),
      line_(std::move(line)),
      restart_(restart),
      may_survive_(may_survive),
      answers_(context.client),
      replies_(leg_, answers_, context.signal, direction == ftp::Direction::unknown, may_survive),
      started_(context.now()) {
    outcome_.direction = direction;
    auto& course = outcome_.course;
    course.client_is_active = course.backend_is_active = context.client_data.active.has_value();
    course.restart = restart.value_or(0);
}

loop::Task<TransferOutcome> DirectTransfer::run() {
    if (co_await begin()) co_await carry();
    note_end();
    co_return std::move(outcome_);
}

void DirectTransfer::note_end() {
    outcome_.time = context_.now() - started_;
    if (replies_.backend_is_lost()) outcome_.after = AfterTransfer::backend_lost;
    if (answers_.service_is_over()) outcome_.after = AfterTransfer::service_over;
    if (client_has_left_ || answers_.client_is_lost()) outcome_.after = AfterTransfer::client_lost;
    if (outcome_.result != TransferResult::not_a_transfer) context_.client_data.clear();
}

TransferProgress DirectTransfer::progress() const {
    auto phase = TransferPhase::waiting_for_backend;
    if (replies_.owed().is_begun()) phase = TransferPhase::moving;
    if (replies_.owed().final_reply()) phase = TransferPhase::ending;
    if (abort_is_sent_) phase = TransferPhase::aborting;
    return {.phase = phase,
            .direction = outcome_.direction,
            .size = replies_.owed().announced_bytes(),
            .moving_since = {}};
}

void DirectTransfer::end_by_operator() {
    if (!operator_ends_) operator_ends_ = context_.now() + operators_patience;
    context_.signal.raise();
}

// Its beginning

/// False: the backend has not heard the command.
loop::Task<bool> DirectTransfer::begin() {
    auto refusal = co_await renew_direct(context_);
    if (!refusal) {
        co_await refuse_for_lost_backend(refusal.error());
        co_return false;
    }
    if (*refusal) {
        co_await refuse_as_backend("PORT:", std::move(**refusal));
        co_return false;
    }
    if (!co_await send_restart()) co_return false;
    if (operator_ends_ || context_.is_cut()) {
        outcome_.result = TransferResult::refused;
        outcome_.cause = Reason::ended_by_operator;
        outcome_.fault = blame_of(outcome_.cause, outcome_.direction);
        outcome_.reason = to_string(outcome_.cause);
        co_await tell_failure(outcome_.reason);
        co_return false;
    }
    if (const auto sent = co_await leg_.send(line_); !sent) {
        co_await refuse_for_lost_backend(sent.error());
        co_return false;
    }
    outcome_.reach = TransferReach::sent;
    sent_at_ = context_.now();
    co_return true;
}

/// An earlier REST that the client has used up must not move the start of this transfer.
loop::Task<bool> DirectTransfer::send_restart() {
    if (!restart_) co_return true;
    const auto reply = co_await leg_.restart_at(*restart_);
    if (reply && reply->code == 350) co_return true;
    if (!reply)
        co_await refuse_for_lost_backend(reply.error());
    else if (reply->is_negative())
        co_await refuse_as_backend("REST:", *reply);
    else
        co_await refuse(ftp::make_reply(451, "The server ignored REST."));
    co_return false;
}

loop::Task<> DirectTransfer::refuse(ftp::Reply reply) {
    outcome_.result = TransferResult::refused;
    outcome_.cause = Reason::refused;
    outcome_.fault = base::Blame::backend;
    outcome_.reason = fmt::format("{} {}", reply.code, reply.message());
    return answers_.tell(std::move(reply));
}

/// With the backend's own reply. RFC 959 5.4: it may answer any command with 421, and then closes.
loop::Task<> DirectTransfer::refuse_as_backend(std::string_view doing, ftp::Reply reply) {
    if (reply.code == 421 && may_survive_)
        return refuse_for_lost_backend(backend::refusal(doing, reply));
    return refuse(std::move(reply));
}

loop::Task<> DirectTransfer::refuse_for_lost_backend(const base::Error& error) {
    replies_.lose_backend(error);
    return refuse(ftp::make_reply(451, lost_text));
}

// Its course

loop::Task<> DirectTransfer::carry() {
    for (;;) {
        // First the client: its ABOR explains the reply that has come with it.
        co_await hear_client();
        co_await replies_.take(asks_about_file_);
        if (replies_.owed().is_begun()) outcome_.reach = TransferReach::begun;
        if (replies_.owed().final_reply()) co_return co_await finish();
        if (operator_ends_ && !abort_is_sent_ && !context_.is_cut()) co_await pass_abort();
        if (const auto why = interruption(); why != Reason::none) co_return co_await break_off(why);
        leg_.watch();
        context_.client.watch_to_hear();
        const auto until = operator_ends_ ? loop::Deadline(*operator_ends_) : loop::never;
        (void)co_await context_.signal.wait(
            loop::sooner(loop::sooner(answer_until(), leg_.poll_at()), until));
    }
}

/// ABOR and STAT must reach the backend at once (RFC 959 4.1.3). All other commands wait, even
/// QUIT.
loop::Task<> DirectTransfer::hear_client() {
    auto& client = context_.client;
    // A client that has sent too many commands is not read any more, but it may leave.
    if (!client.may_poll() && client.has_left()) client_has_left_ = true;
    for (int taken = 0; client.may_poll() && !client_has_left_; ++taken) {
        // Let the other sessions on this thread run first.
        if (taken == commands_in_a_row) co_return context_.signal.raise();
        auto event = client.poll();
        if (!event) co_return;
        switch (event->kind) {
            case ClientEvent::Kind::ended:
            case ClientEvent::Kind::lost: client_has_left_ = true; break;
            case ClientEvent::Kind::bad_line: client.defer(std::move(*event)); break;
            case ClientEvent::Kind::command: co_await hear_command(std::move(event->command));
        }
    }
}

loop::Task<> DirectTransfer::hear_command(ftp::Command command) {
    // A second ABOR waits like any other command, and gets its own answer later.
    const bool is_abort = command.verb == "ABOR" && !abort_is_sent_;
    const bool is_stat = command.verb == "STAT" && replies_.has_room_for_stat() &&
                         !guard::refusal_of(context_.settings, "STAT", command.argument);
    if (!is_abort && !is_stat) {
        context_.client.defer({ClientEvent::Kind::command, std::move(command), {}});
        co_return;
    }
    metrics::count_command_in_transfer(command.verb);
    context_.story.note(context_.now(), Fact::said_meanwhile, {command.line});
    if (is_abort) co_return co_await pass_abort();
    if (!command.argument.empty()) asks_about_file_ = true;
    co_await replies_.pass_stat(command.line);
}

loop::Task<> DirectTransfer::pass_abort() {
    abort_is_sent_ = true;
    if (const auto sent = co_await leg_.send_meanwhile("ABOR"); !sent)
        replies_.lose_backend(sent.error());
}

/// When the backend must have answered the command. It may have to wait for the client's data
/// connection. From its 1xx on the end of the data is awaited, however long that takes.
loop::Deadline DirectTransfer::answer_until() const {
    if (replies_.owed().is_begun()) return loop::never;
    const bool has_line = leg_.begun_code() != 0;
    const auto since = has_line ? std::max(sent_at_, leg_.line_at()) : sent_at_;
    return since + leg_.answer_time(line_) + context_.settings.data_connect_timeout;
}

/// Why the transfer ends before the backend has ended it.
TransferReason DirectTransfer::interruption() const {
    const auto now = context_.now();
    if (client_has_left_ || answers_.client_is_lost()) return Reason::client_left;
    if (context_.is_cut()) return Reason::ended_by_operator;
    if (leg_.is_disabled()) return Reason::server_disabled;
    if (replies_.is_missing()) return Reason::reply_lost;
    if (operator_ends_ && now >= *operator_ends_) return Reason::ended_by_operator;
    return now >= answer_until() ? Reason::reply_late : Reason::none;
}

// Its end

/// The backend may still owe replies, so its connection cannot be used any more.
loop::Task<> DirectTransfer::break_off(TransferReason why) {
    const bool is_lost = why == Reason::reply_lost;
    outcome_.result = TransferResult::failed;
    outcome_.cause = why;
    outcome_.fault = blame_of(why, outcome_.direction);
    outcome_.reason = is_lost ? replies_.missing() : std::string(to_string(why));
    const bool is_heard = abort_is_sent_ || is_lost || why == Reason::client_left;
    if (!is_heard) (void)co_await leg_.send_meanwhile("ABOR");
    if (!is_lost) replies_.lose_backend(std::string(to_string(why)));
    co_await tell_failure(outcome_.reason);
    replies_.give_up_stats();
    co_await replies_.tell_stats(false);
}

loop::Task<> DirectTransfer::tell_failure(std::string_view words) {
    const std::uint16_t code = replies_.owed().is_begun() ? 426 : 451;
    const std::string_view stop = words.ends_with('.') ? "" : ".";
    return answers_.tell(
        ftp::make_reply(code, fmt::format("{}: {}{}", failure_text(code), words, stop)));
}

loop::Task<> DirectTransfer::finish() {
    const ftp::Reply reply = *replies_.owed().final_reply();
    note_final(reply);
    if (reply.code == 421 && may_survive_) co_return co_await tell_farewell();
    const bool is_over = reply.code == 421 || replies_.backend_is_lost();
    if (!abort_is_sent_ && !is_over && replies_.is_awaited()) co_await replies_.settle_stats(false);
    if (operator_ends_)
        co_await tell_failure(outcome_.reason);
    else
        co_await replies_.tell_final();
    if (abort_is_sent_ && !is_over) {
        const auto others = co_await replies_.settle_abort();
        for (const auto& other : others)
            if (!operator_ends_) co_await answers_.tell(other);
    }
    co_await replies_.tell_stats(false);
}

void DirectTransfer::note_final(const ftp::Reply& reply) {
    const bool is_begun = replies_.owed().is_begun();
    const bool is_command = outcome_.direction == ftp::Direction::unknown && !is_begun;
    if (operator_ends_) {
        outcome_.cause = Reason::ended_by_operator;
    } else if (abort_is_sent_) {
        outcome_.result = TransferResult::aborted;
        outcome_.cause = Reason::aborted;
    } else if (is_command) {
        outcome_.result = TransferResult::not_a_transfer;
    } else if (reply.is_positive()) {
        outcome_.result = TransferResult::whole;
    } else {
        outcome_.result = is_begun ? TransferResult::failed : TransferResult::refused;
        outcome_.cause = Reason::refused;
        outcome_.reason = fmt::format("{} {}", reply.code, reply.message());
    }
    if (outcome_.reason.empty()) outcome_.reason = to_string(outcome_.cause);
    outcome_.fault = outcome_.cause == Reason::refused && is_about_data_connection(reply.code)
                         ? base::Blame::network
                         : blame_of(outcome_.cause, outcome_.direction);
}

/// The backend ends the session, and the client's goes on elsewhere.
loop::Task<> DirectTransfer::tell_farewell() {
    const auto& reply = *replies_.owed().final_reply();
    const auto words = fmt::format("the server said {} {}", reply.code, reply.message());
    replies_.lose_backend(words);
    co_await tell_failure(words);
    co_await replies_.tell_stats(false);
}

}  // namespace ballast::session
