// SPDX-License-Identifier: Apache-2.0
// How a transfer goes on with another backend.
#include "backend/refusal.h"
#include "metrics/counters.h"
#include "session/transfer.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

using Kind = TransferEvent::Kind;
using Reason = TransferReason;
using namespace std::chrono_literals;

/// How long a backend that refuses a data connection has to show that it is lost.
constexpr auto last_words_time = 250ms;

/// How long a download must have had no byte before it leaves a backend that its probes call down.
constexpr auto silence_min = 2s;

/// How soon to try again to leave a backend that is not lost.
constexpr auto wish_pause = 10s;

OtherBackends::Left left_as(Reason reason) {
    switch (reason) {
        case Reason::server_down: return OtherBackends::Left::down;
        case Reason::server_drained: return OtherBackends::Left::drained;
        case Reason::differs: return OtherBackends::Left::differs;
        default: return OtherBackends::Left::lost;
    }
}

}  // namespace

// Before the command

/// A file that fits into the first sample needs no facts, because all of it is compared.
bool Transfer::may_be_large() const {
    const auto& size = parts_.move.facts.size;
    return !size || *size > relay::Trail::first_bytes;
}

/// What tells this file from another version of it must be asked now: a server that is lost tells
/// nothing, and one that sends a file answers nothing else.
/// False: refused.
loop::Task<bool> Transfer::learn_facts() {
    if (parts_.heard_at) co_return true;
    auto lost = co_await ask_own_facts();
    if (!lost) co_return true;
    if (co_await move_before_sending(*lost, loop().after(parts_.move.timeout))) co_return true;
    co_await refuse_for_lost_backend(*lost);
    co_return false;
}

/// What must be asked about the file.
std::vector<std::string> Transfer::own_questions() const {
    const auto& move = parts_.move;
    if (!machine_.may_leave() || !continuation_ || !move.is_file || !may_be_large()) return {};
    // With `as-client` nothing of Ballast's own comes between the client's commands.
    if (leg_->follows_client()) return {};
    return questions(move.path, move.facts, leg_->known().announces_size() && !restart_);
}

/// One write for all costs a small file least. REST must be the last command before the transfer.
bool Transfer::asks_with_command() const { return leg_->takes_several() && !restart_; }

/// The error says that the backend is lost. A late answer would be taken for that to the next
/// command.
loop::Task<std::optional<base::Error>> Transfer::ask_own_facts() {
    auto lines = own_questions();
    if (lines.empty() || asks_with_command()) co_return std::nullopt;
    const auto asked = co_await ask(*leg_, std::move(lines), parts_.move.facts);
    if (!asked) co_return asked.error();
    parts_.others->learn(parts_.move.facts);
    co_return std::nullopt;
}

/// Sends the command, behind what is asked about its file.
loop::Task<base::Result<>> Transfer::send_line() {
    auto lines = asks_with_command() ? own_questions() : std::vector<std::string>();
    if (lines.empty()) co_return co_await leg_->send(line_);
    auto all = lines;
    all.push_back(line_);
    if (auto sent = co_await leg_->send_several(all); !sent) co_return sent;
    co_return co_await hear_facts(std::move(lines));
}

/// Hears the answers to what was asked in one write with the command.
loop::Task<base::Result<>> Transfer::hear_facts(std::vector<std::string> lines) {
    if (lines.empty()) co_return base::Result<>();
    auto heard = co_await hear_answers(*leg_, std::move(lines), parts_.move.facts);
    if (heard) parts_.others->learn(parts_.move.facts);
    co_return heard;
}

/// Whether the backend is lost, if it refused a data connection. One that has died may have done so
/// between its answer to EPSV and our connection.
loop::Task<std::optional<base::Error>> Transfer::loss_behind(const backend::DataRefusal& refusal) {
    if (refusal.control_is_lost || leg_->is_disabled()) co_return refusal.error;
    if (refusal.reply && refusal.reply->code == 421)
        co_return backend::refusal("the server answered with", *refusal.reply);
    if (refusal.reply || refusal.error.fault != base::Fault::backend) co_return std::nullopt;
    const auto until = loop().after(last_words_time);
    for (;;) {
        auto said = leg_->poll_reply();
        if (said && !*said) co_return said->error();
        if (said && (*said)->code == 421)
            co_return backend::refusal("the server ended the session with", **said);
        if (said) continue;
        leg_->watch();
        if (!co_await parts_.signal.wait(until)) co_return std::nullopt;
        if (loop().now() >= until) co_return std::nullopt;
    }
}

/// No backend has heard of this transfer yet, so any of them will do. False: there is none.
loop::Task<bool> Transfer::move_before_sending(base::Error error, loop::Deadline due) {
    auto& others = *parts_.others;
    for (;;) {
        replies_->lose_backend(error);
        backend_end_->reset();
        others.leave(base::to_string(error), OtherBackends::Left::lost);
        const auto found = co_await others.find(due, true);
        if (!found) co_return false;
        go_to(**found);
        others.end_trying();
        // What one server has said of its file is not true of another's.
        parts_.move.facts = {};
        auto lost = co_await ask_own_facts();
        if (!lost) co_return true;
        error = std::move(*lost);
    }
}

void Transfer::go_to(backend::Leg& leg) {
    use(leg);
    auto traffic = parts_.others->go_there();
    report_.moved = std::move(traffic.bytes);
    parts_.throttle = std::move(traffic.throttle);
}

/// Most servers tell the size in their 150, if the transfer begins with the first byte.
void Transfer::note_announced_size() {
    auto& move = parts_.move;
    const auto size = replies_->owed().announced_bytes();
    if (!size || !continuation_ || !move.is_file || restart_ || continuation_->begin > 0) return;
    leg_->known().set_announces_size();
    if (!move.facts.size) move.facts.size = size;
}

// The wish to leave a backend that is not lost

loop::Deadline Transfer::wish_at() const {
    if (!machine_.may_leave() || parts_.others == nullptr) return loop::never;
    if (!machine_.is_listening()) return loop::never;
    if (parts_.others->is_down()) return std::max(next_wish_at_, last_byte_at() + silence_min);
    return parts_.others->is_to_move() ? next_wish_at_ : loop::never;
}

loop::Time Transfer::last_byte_at() const { return std::max(started_, report_.moved_at); }

void Transfer::look_for_wish() {
    if (loop().now() < wish_at() || !machine_.is_listening()) return;
    next_wish_at_ = loop().after(wish_pause);
    tell({parts_.others->is_down() ? Kind::backend_down : Kind::backend_drained});
}

// After the loss

/// Why what was delivered cannot be gone on with, anywhere. Empty: it may be possible.
std::string Transfer::obstacle() const {
    const auto taken = report_.bytes_taken;
    if (taken == 0) return {};
    if (!continuation_) return "part of the file was sent in TYPE A";
    if (!continuation_->trail.is_checkable())
        return fmt::format(
            "more than {} bytes were sent that another server could not begin behind",
            parts_.move.sample_bytes);
    return {};
}

/// Leaves the present backend. Its data break off, the client's stay open and silent.
loop::Task<> Transfer::leave(std::string_view why, OtherBackends::Left left) {
    if (relaying_.is_started()) (void)relaying_.is_done();  // rethrows what has failed in it
    relaying_.cancel();
    if (!replies_->backend_is_lost()) replies_->lose_backend(std::string(why));
    co_await replies_->tell_stats(machine_.data_are_pending());
    backend_end_->reset();
    resumed_at_ = report_.bytes_taken;
    parts_.others->leave(why, left);
}

/// What stands against going on with this backend. Empty: nothing. An error: it is lost, too.
loop::Task<base::Result<std::string>> Transfer::difference_on(backend::Leg& other) {
    const auto taken = report_.bytes_taken;
    const bool begins_inside = taken > 0 && continuation_->trail.begin(taken, true) > 0;
    const bool can_restart = !other.known().refuses_rest();
    if (!can_restart && restart_) co_return "that server does not know REST";
    if (begins_inside && !can_restart && taken > parts_.move.sample_bytes)
        co_return "that server does not know REST, and too many bytes were sent";
    // All that was delivered is compared, or nothing was. From now on it is this server's file.
    const bool is_known = taken == 0 || continuation_->trail.covers(taken);
    const bool has_facts = continuation_ && parts_.move.is_file && !other.follows_client();
    FileFacts there;
    if (has_facts || !is_known)
        if (const auto asked = co_await ask(other, questions(parts_.move.path, there), there);
            !asked)
            co_return std::unexpected(asked.error());
    if (!is_known) co_return difference(parts_.move.facts, there, parts_.move.trusts);
    parts_.move.facts = std::move(there);
    co_return std::string();
}

/// Sends the command to the backend that it is on now. Returns what it refuses; empty: nothing. An
/// error: it is lost, too.
loop::Task<base::Result<std::string>> Transfer::begin_again() {
    if (machine_.is_announced()) replies_->note_announced();
    auto refusal = co_await backend_end_->protect();
    if (!refusal) refusal = co_await backend_end_->open();
    if (refusal) {
        if (auto lost = co_await loss_behind(*refusal)) co_return std::unexpected(std::move(*lost));
        co_return base::to_string(refusal->error);
    }
    machine_.change_backend(backend_end_->is_protected());
    std::uint64_t begin = 0;
    if (continuation_)
        begin = continuation_->begin =
            continuation_->trail.begin(report_.bytes_taken, !leg_->known().refuses_rest());
    auto offset = restart_;
    if (begin > 0) offset = restart_.value_or(0) + begin;
    if (auto learnt = co_await leg_->learn_noop(); !learnt)
        co_return std::unexpected(learnt.error());
    if (offset) {
        const auto reply = co_await leg_->restart_at(*offset);
        if (!reply) co_return std::unexpected(reply.error());
        if (reply->code == 421) co_return std::unexpected(backend::refusal("REST:", *reply));
        const bool is_unknown = reply->code == 500 || reply->code == 502;
        if (is_unknown) leg_->known().set_refuses_rest();
        // It may send the file again from its beginning.
        const bool can_skip = !restart_ && reply->kind() == 5 && continuation_ &&
                              report_.bytes_taken <= parts_.move.sample_bytes;
        if (can_skip) continuation_->begin = 0;
        if (reply->code != 350 && !can_skip)
            co_return fmt::format("REST {} was answered with {} {}", *offset, reply->code,
                                  reply->message());
    }
    if (auto sent = co_await leg_->send(line_); !sent) co_return std::unexpected(sent.error());
    co_return std::string();
}

/// In words, for the log.
std::string Transfer::why_left() const {
    const auto& final_reply = replies_->owed().final_reply();
    if (machine_.lost_by() == Reason::differs) return difference_;
    if (!replies_->missing().empty()) return replies_->missing();
    if (machine_.lost_by() == Reason::reply_lost && final_reply)
        return fmt::format("the server said {} {}", final_reply->code, final_reply->message());
    return std::string(to_string(machine_.lost_by()));
}

/// The client sees nothing but a pause, or the end that it would have seen without another backend.
loop::Task<> Transfer::move_on() {
    auto& others = *parts_.others;
    const auto lost_by = machine_.lost_by();
    const bool is_lost = lost_by != Reason::server_down && lost_by != Reason::server_drained;
    bool has_left = is_lost;
    // A slow client notices nothing while it still has bytes to take.
    left_at_ = report_.sink_is_slow ? loop().now() : last_byte_at();
    checked_at_.reset();
    const auto why = why_left();
    const auto left = left_as(lost_by);
    auto problem = obstacle();
    // What another backend refuses to go on with is not worth waiting for.
    if (is_on_trial_ && replies_->owed().final_reply() &&
        replies_->owed().final_reply()->code != 421)
        difference_ = why;
    if (is_lost) co_await leave(why, left);
    while (problem.empty()) {
        auto found = co_await others.find(machine_.move_due(), is_lost && difference_.empty());
        if (others.take_abort()) tell({Kind::abor});
        if (!found) {
            problem = difference_.empty() ? std::move(found.error()) : difference_;
            break;
        }
        // Meanwhile more may have been delivered.
        problem = has_left ? std::string() : obstacle();
        if (!problem.empty()) {
            others.end_trying();
            others.pass_over();
            break;
        }
        auto differs = co_await difference_on(**found);
        if (!differs || !differs->empty()) others.end_trying();
        if (!differs) continue;  // the next search drops it
        if (!differs->empty()) {
            difference_ = std::move(*differs);
            others.pass_over();
            continue;
        }
        if (!std::exchange(has_left, true)) {
            co_await leave(why, left);
            tell({Kind::left});
        }
        go_to(**found);
        auto refused = co_await begin_again();
        others.end_trying();
        if (refused && refused->empty()) {
            is_on_trial_ = true;
            ready_at_ = loop().now();
            if (backend_end_->is_expected()) tell({Kind::backend_expected});
            co_return tell({.kind = Kind::command_sent, .time = leg_->answer_time(line_)});
        }
        if (refused) difference_ = *refused;
        if (refused)
            co_await leave(*refused, OtherBackends::Left::differs);
        else
            co_await leave(base::to_string(refused.error()), OtherBackends::Left::lost);
    }
    if (has_left) {
        const auto counter = !obstacle().empty() ? metrics::Counter::transfers_not_resumable
                             : difference_.empty()
                                 ? metrics::Counter::transfers_without_other_backend
                                 : metrics::Counter::transfers_that_differ;
        metrics::count(counter);
    }
    if (has_left)
        stays_because_ = std::move(problem);
    else
        difference_.clear();
    tell({has_left ? Kind::not_moved : Kind::stays});
}

/// The other backend has shown that it sends the same bytes, and the client gets more of them.
void Transfer::look_for_resumption() {
    if (!machine_.awaits_resumption() || report_.is_checking) return;
    if (relaying_.is_started() && !checked_at_) checked_at_ = loop().now();
    const bool goes_on = report_.bytes_taken > resumed_at_ ||
                         (relaying_.is_done() && report_.end == relay::End::source_ended);
    if (!goes_on || !relaying_.is_started()) return;
    difference_.clear();
    is_on_trial_ = false;
    const auto pause = *checked_at_ - left_at_;
    parts_.others->resumed(resumed_at_, pause);
    tell({Kind::resumed});
}

/// RFC 959 5.4: the backend ends the session, but the client's goes on with another one.
loop::Task<> Transfer::tell_farewell() {
    const auto& reply = replies_->owed().final_reply();
    const auto code = machine_.is_announced() ? 426 : 451;
    const auto words = fmt::format("the server said {} {}", reply->code, reply->message());
    co_await answers_.tell(ftp::make_reply(
        static_cast<std::uint16_t>(code),
        fmt::format("{}: {}",
                    code == 426 ? "Connection closed; transfer aborted" : "Transfer failed",
                    words)));
    replies_->lose_backend(words);
}

}  // namespace ballast::session
