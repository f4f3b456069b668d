// SPDX-License-Identifier: Apache-2.0
#include "session/direct_transfer.h"

#include "backend/refusal.h"
#include "guard/command_policy.h"
#include "metrics/commands.h"
#include "metrics/counters.h"
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

/// How long the kernel may take to lead nobody to the backend any more.
constexpr auto withdrawal_time = std::chrono::seconds(5);

/// How long a final reply waits for the end of data that do not move any more.
constexpr auto idle_end_time = std::chrono::seconds(10);
/// The receiver has all data, but has not closed its end. It may wait for the reply.
constexpr auto half_closed_time = std::chrono::milliseconds(250);

/// RFC 959 4.2.1: replies about the data connection, which is between client and backend.
bool is_about_data_connection(std::uint16_t code) { return code == 425 || code == 426; }

}  // namespace

DirectTransfer::DirectTransfer(Context& context, std::string line, ftp::Direction direction,
                               std::optional<std::uint64_t> restart, bool may_survive,
                               std::shared_ptr<pool::ByteCount> moved)
    : context_(context),
      leg_(context.leg()),
      line_(std::move(line)),
      restart_(restart),
      may_survive_(may_survive),
      answers_(context.client),
      replies_(leg_, answers_, context.signal, direction == ftp::Direction::unknown, may_survive),
      started_(context.now()),
      passage_(context.client_data.passage.get()),
      moved_(std::move(moved)) {
    outcome_.direction = direction;
    auto& course = outcome_.course;
    course.path = passage_ == nullptr ? direct_path : kernel_path;
    course.client_is_active = course.backend_is_active = context.client_data.active.has_value();
    course.restart = restart.value_or(0);
}

/// Nobody watches the data any more.
DirectTransfer::~DirectTransfer() {
    if (passage_ != nullptr && !is_over_) passage_->cut();
}

loop::Task<TransferOutcome> DirectTransfer::run() {
    if (co_await begin()) co_await carry();
    note_end();
    co_return std::move(outcome_);
}

void DirectTransfer::note_end() {
    look_at_passage();
    is_over_ = true;
    if (goes_on_at_) return;
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
            .bytes = outcome_.bytes,
            .size = replies_.owed().announced_bytes(),
            .moving_since = connected_at_};
}

void DirectTransfer::end_by_operator() {
    if (!operator_ends_) operator_ends_ = context_.now() + operators_patience;
    context_.signal.raise();
}

// Its beginning

/// False: the backend has not heard the command.
loop::Task<bool> DirectTransfer::begin() {
    if (!co_await prepare()) co_return false;
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

/// The backend knows where its data go.
loop::Task<bool> DirectTransfer::prepare() {
    if (passage_ != nullptr) {
        if (auto& lease = context_.client_data.lease; lease && !lease->keep()) {
            co_await refuse(ftp::make_reply(
                425, "Can't open data connection: the port has expired, say PASV or EPSV again."));
            co_return false;
        }
        passage_->keep();
        co_return true;
    }
    auto refusal = co_await renew_direct(context_);
    if (!refusal) {
        co_await refuse_for_lost_backend(refusal.error());
        co_return false;
    }
    if (*refusal) {
        co_await refuse_as_backend("PORT:", std::move(**refusal));
        co_return false;
    }
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
        if (replies_.owed().is_begun()) {
            outcome_.reach = TransferReach::begun;
            if (!begun_at_) begun_at_ = counted_at_ = context_.now();
        }
        look_at_passage();
        look_for_stray();
        if (goes_on_at_) co_return;
        if (replies_.owed().final_reply() && !is_said_of_stray()) co_return co_await finish();
        if (operator_ends_ && !abort_is_sent_ && !context_.is_cut()) co_await pass_abort();
        if (const auto why = interruption(); why != Reason::none) co_return co_await break_off(why);
        leg_.watch();
        context_.client.watch_to_hear();
        const auto until = operator_ends_ ? loop::Deadline(*operator_ends_) : loop::never;
        (void)co_await context_.signal.wait(loop::sooner(
            loop::sooner(answer_until(), leg_.poll_at()), loop::sooner(data_until(), until)));
    }
}

// What the kernel carries

/// A connection runs through the passage.
bool DirectTransfer::is_carried() const {
    if (passage_ == nullptr) return false;
    const auto state = passage_->carried().state;
    return nat::is_used(state) && state != nat::Carried::State::closed;
}

void DirectTransfer::look_at_passage() {
    if (passage_ == nullptr) return;
    using State = nat::Carried::State;
    const auto& carried = passage_->carried();
    const auto now = context_.now();
    auto& course = outcome_.course;
    const auto since_start =
        std::max<loop::Time::duration>(now - started_, std::chrono::microseconds(1));
    if (nat::is_used(carried.state) && !connected_at_) {
        connected_at_ = counted_at_ = now;
        course.client_connected = course.backend_connected = since_start;
        auto& data = context_.client_data;
        if (data.lease) data.lease->end_elsewhere();
        if (data.backend_lease) data.backend_lease->end_elsewhere();
    }
    if (carried.state == State::closed && !closed_at_) closed_at_ = now;
    // The one who connects is the client in passive mode, and the backend in active mode.
    auto bytes = carried.sent + carried.received;
    const bool is_upload = outcome_.direction == ftp::Direction::upload;
    if (outcome_.direction != ftp::Direction::unknown)
        bytes = is_upload == course.client_is_active ? carried.received : carried.sent;
    if (bytes > outcome_.bytes) {
        if (course.first_byte == loop::Time::duration()) course.first_byte = since_start;
        const auto more = bytes - outcome_.bytes;
        if (moved_) *moved_ += more;
        metrics::count(metrics::Counter::bytes_forwarded, more);
        outcome_.bytes = bytes;
    }
    if (outcome_.bytes >= counted_ + context_.settings.data_stall_bytes) {
        counted_ = outcome_.bytes;
        counted_at_ = now;
    }
}

/// The connection has come to Ballast: it was quicker than the kernel's rule, or the rule is gone.
/// Or it has not come in time, and the relay ends the transfer without losing the backend. First
/// the kernel must lead nobody to the backend any more.
void DirectTransfer::look_for_stray() {
    if (passage_ == nullptr || connected_at_) return;
    const auto& data = context_.client_data;
    const bool has_come = (data.lease && data.lease->has_arrived()) ||
                          (data.backend_lease && data.backend_lease->has_arrived());
    if (!is_taken_back_ && (has_come || context_.now() >= data_until())) {
        has_strayed_ = has_come;
        is_taken_back_ = true;
        passage_->withdraw();
    }
    if (is_taken_back_ && may_be_relayed()) goes_on_at_ = passage_->way().to;
}

/// An active backend that has connected to Ballast says 226 of data that nobody has taken.
bool DirectTransfer::is_said_of_stray() const {
    return has_strayed_ && !connected_at_ && replies_.owed().final_reply()->is_positive();
}

/// The backend has not spoken, and waits for a data connection.
bool DirectTransfer::may_be_relayed() const {
    return passage_->carried().state == nat::Carried::State::withdrawn &&
           !outcome_.course.client_is_active && !replies_.owed().is_begun() &&
           !replies_.is_missing() && leg_.begun_code() == 0 && !abort_is_sent_ && !operator_ends_ &&
           !client_has_left_ && !context_.is_cut() && !leg_.is_disabled();
}

/// When a transfer has waited too long for its connection, its bytes, or the reply behind them.
/// Some servers say nothing before the connection is there (vsftpd, ProFTPD).
loop::Deadline DirectTransfer::data_until() const {
    if (passage_ == nullptr) return loop::never;
    // An active backend may do other things before it connects.
    const bool is_active_or_none =
        outcome_.course.client_is_active || outcome_.direction == ftp::Direction::unknown;
    if (!begun_at_ && (connected_at_ || is_active_or_none)) return loop::never;
    if (!connected_at_) {
        const auto due = begun_at_.value_or(sent_at_) + context_.settings.data_connect_timeout;
        return is_taken_back_ ? due + withdrawal_time : due;
    }
    if (is_carried()) return counted_at_ + context_.settings.data_stall_timeout;
    if (closed_at_) return *closed_at_ + leg_.settings().final_reply_timeout;
    return loop::never;
}

/// The backend has closed its end and may say so before the client has all data. Waits until both
/// ends are closed, as long as bytes move. A client may also wait for the reply before it closes.
loop::Task<> DirectTransfer::hold_final() {
    if (passage_ == nullptr) co_return;
    using State = nat::Carried::State;
    const auto looks = passage_->carried().looks + 1;
    passage_->look();
    const auto since = context_.now();
    for (;;) {
        look_at_passage();
        co_await hear_client();
        const auto& carried = passage_->carried();
        const bool has_looked = carried.looks >= looks;
        if (client_has_left_ || operator_ends_ || context_.is_cut()) break;
        if (carried.state == State::closed) break;
        // No connection has used it.
        if (has_looked && !is_carried()) break;
        // A server that refuses or gives up may leave its end open.
        if (has_looked && replies_.owed().final_reply()->is_negative()) break;
        auto until = std::max(since, carried.moved_at) + idle_end_time;
        if (carried.state == State::half_closed) until = since + half_closed_time;
        if (context_.now() >= until) break;
        context_.client.watch_to_hear();
        (void)co_await context_.signal.wait(until);
    }
    look_at_passage();
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
    // An operator does not wait for a server that reads no ABOR before the end of the data.
    if (operator_ends_ && passage_ != nullptr) passage_->cut();
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
    const auto missing =
        outcome_.course.client_is_active ? Reason::server_missing : Reason::client_missing;
    if (is_taken_back_ && passage_->carried().state == nat::Carried::State::withdrawn)
        return has_strayed_ ? Reason::data_strayed : missing;
    if (now >= data_until()) {
        const bool is_upload = outcome_.direction == ftp::Direction::upload;
        if (is_carried()) return is_upload ? Reason::client_stalled : Reason::server_stalled;
        return closed_at_ ? Reason::reply_late : missing;
    }
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
    if (passage_ != nullptr) passage_->cut();
    if (!is_lost) replies_.lose_backend(std::string(to_string(why)));
    co_await tell_failure(outcome_.reason);
    replies_.give_up_stats();
    co_await replies_.tell_stats(false);
}

loop::Task<> DirectTransfer::tell_failure(std::string_view words) {
    std::uint16_t code = replies_.owed().is_begun() ? 426 : 451;
    if (outcome_.cause == Reason::client_missing || outcome_.cause == Reason::server_missing ||
        outcome_.cause == Reason::data_strayed)
        code = 425;
    const std::string_view stop = words.ends_with('.') ? "" : ".";
    return answers_.tell(
        ftp::make_reply(code, fmt::format("{}: {}{}", failure_text(code), words, stop)));
}

loop::Task<> DirectTransfer::finish() {
    const ftp::Reply reply = *replies_.owed().final_reply();
    note_final(reply);
    co_await hold_final();
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
