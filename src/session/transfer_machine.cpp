// SPDX-License-Identifier: Apache-2.0
#include "session/transfer_machine.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

namespace ballast::session {

namespace {

using Action = TransferAction;
using Reason = TransferReason;
using Result = TransferResult;

/// How long a server may take to report reset data before it gets ABOR. pyftpdlib 1.5.7 says
/// nothing about data that were reset before it had begun.
constexpr auto broken_reply_time = std::chrono::seconds(1);

/// How long the backend has for its reply once the administrator has disabled it.
constexpr loop::Time::duration disabled_reply_time = std::chrono::seconds(1);

/// How long the reply to a download may trail the reset of its data, before its backend counts as
/// lost. A living backend says what went wrong.
constexpr auto reset_reply_time = std::chrono::seconds(1);

/// How long the end of a download's data may trail the reply that refuses it.
constexpr auto refused_end_time = std::chrono::milliseconds(250);

}  // namespace

TransferMachine::TransferMachine(const TransferTerms& terms) : terms_(terms) {}

void TransferMachine::push(Action action) {
    assert(queued_ < queue_.size());
    queue_[queued_++] = action;
}

Action TransferMachine::next(loop::Time now) {
    if (queued_ == 0) judge(now);
    if (queued_ == 0) return stage_ == Stage::over ? Action::done : Action::wait;
    const auto first = queue_.front();
    std::shift_left(queue_.begin(), queue_.end(), 1);
    queue_[--queued_] = Action::wait;
    return first;
}

void TransferMachine::judge(loop::Time now) {
    switch (stage_) {
        case Stage::starting: return start(now);
        case Stage::securing: return secure_first(now);
        case Stage::carrying: return carry(now);
        case Stage::refused:
            judge_relay(now);
            // The end of its data may come shortly after its reply.
            if (downloads() && data_ == Data::moving && now < data_due_) return;
            return end_refused();
        case Stage::breaking:
            if (data_ != Data::broken) break_data(426, reason_, now);
            // The backend has refused the upload, but may still be receiving it.
            if (broken_ == Broken::to_abort) push(Action::abort_broken);
            stage_ = Stage::over;
            return;
        case Stage::sending:
        case Stage::moving_on:
        case Stage::ending_client:
        case Stage::over: return;
    }
}

/// A handshake that ended before the command is judged first, whatever the command.
void TransferMachine::start(loop::Time now) {
    stage_ = Stage::securing;
    if (client_ == Link::securing) return push(Action::secure_client);
    if (!terms_.secures_client_first) return send();
    await_client(now);
    push(Action::say_150);
}

/// An upload whose data connection fails must not destroy the file that it replaces. If the
/// settings require session reuse, the client gets our own 150 first. Its handshake is judged
/// before the backend gets the command.
void TransferMachine::secure_first(loop::Time now) {
    if (abort_is_wanted_) return abort(Action::reset_backend);
    if (cut_ != Reason::none) return refuse(425, cut_);
    if (client_ == Link::connected) {
        client_ = Link::securing;
        client_due_ = now + terms_.client_tls_time;
        return push(Action::secure_client);
    }
    if (client_ == Link::ready) return send();
    if (client_ == Link::insecure) return refuse(refused_tls_code, Reason::client_tls);
    if (client_ == Link::securing && now >= client_due_)
        return refuse(refused_tls_code, Reason::client_tls_late);
    if (client_vanished()) return refuse(425, Reason::client_left_early);
    if (!has_client() && now >= client_due_) return refuse(425, Reason::client_missing);
}

void TransferMachine::send() {
    stage_ = Stage::sending;
    push(Action::send_command);
}

void TransferMachine::carry(loop::Time now) {
    if (is_tentative() && has_final() && !is_begun())
        return end(Result::not_a_transfer, Action::tell_final);
    if (abort_is_wanted_ && is_announced()) return abort(Action::abort);
    judge_relay(now);
    judge_cut(now);
    if (stage_ != Stage::carrying) return;
    connect(now);
    secure(now);
    judge_way(now);
    judge_client(now);
    judge_broken(now);
    if (queued_ == 0) judge_ending(now);
    if (queued_ == 0 && stage_ == Stage::carrying) judge_deadlines(now);
}

/// The backend has begun. Some servers say no 1xx for an empty file.
bool TransferMachine::may_move() const {
    return data_ == Data::waiting && (is_begun() || is_confirmed());
}

/// An active backend connects around its 1xx, and has a time limit from then on. With `as-client`
/// it has as long as the client, which is dialled only after it. A backend that gives up after its
/// 1xx leaves the client without a connection, as without Ballast.
void TransferMachine::connect(loop::Time now) {
    if (!may_move()) return;
    const bool leads = terms_.backend_leads && !has_client();
    if (backend_ == Link::expected) {
        const auto time =
            leads && !has_final() ? terms_.client_connect_time : terms_.backend_connect_time;
        backend_due_ = loop::sooner(backend_due_, now + time);
        if (leads) client_due_ = loop::never;
        if (terms_.backend_leads) return;
    }
    if (!terms_.dials_client || client_ != Link::expected) return;
    client_ = Link::dialled;
    push(Action::dial_client);
}

/// The client's time for its handshake counts from the backend's beginning.
void TransferMachine::secure(loop::Time now) {
    // The next backend may not have begun yet.
    const bool has_begun = may_move() || (data_ == Data::waiting && client_due_ != loop::never &&
                                          client_ >= Link::securing);
    if (!has_begun) return;
    if (client_ == Link::unreachable) return break_data(425, Reason::client_unreachable, now);
    if (client_ == Link::insecure) return break_data(refused_tls_code, Reason::client_tls, now);
    if (client_ == Link::securing && now >= client_due_)
        return break_data(refused_tls_code, Reason::client_tls_late, now);
    if (!may_move()) return;
    if (backend_ == Link::insecure && !is_tls_failure_final(now)) return;
    if (backend_ == Link::insecure) return leave_or_break(425, Reason::server_tls, now);
    if (client_ == Link::connected) {
        client_ = terms_.client_is_protected ? Link::securing : Link::ready;
        if (client_ == Link::securing) {
            client_due_ = now + terms_.client_tls_time;
            push(Action::secure_client);
        }
    }
    if (backend_ == Link::connected) {
        backend_ = terms_.backend_is_protected ? Link::securing : Link::ready;
        if (backend_ == Link::securing) push(Action::secure_backend);
    }
    if (client_ != Link::ready || backend_ != Link::ready) return;
    data_ = Data::moving;
    push(Action::move);
}

/// A backend that dies in its handshake is lost a moment later.
bool TransferMachine::is_tls_failure_final(loop::Time now) {
    if (!may_leave()) return true;
    if (!std::exchange(is_source_lost_, true)) backend_due_ = now + reset_reply_time;
    return !has_lost_backend() && now >= backend_due_;
}

/// Under TLS only close_notify tells the end of the data from a lost sender. Many peers leave it
/// out. Then the end proves as much as in plain text.
bool TransferMachine::is_end_trusted(bool is_protected, bool is_vouched_for) const {
    return !is_protected || is_vouched_for || !terms_.is_close_strict;
}

void TransferMachine::judge_relay(loop::Time now) {
    if (data_ != Data::moving) return;
    switch (relay_end_) {
        case RelayEnd::none: return;
        case RelayEnd::ended:
        case RelayEnd::vouched:
            if (uploads()) return;  // `judge_way` handles uploads
            if (!is_end_trusted(terms_.backend_is_protected, relay_end_ == RelayEnd::vouched)) {
                if (leave_backend(Reason::no_close_notify, now)) return;
                return break_data(426, Reason::no_close_notify, now);
            }
            data_ = Data::whole;
            // Some servers send their 226 only after our side has ended too.
            push(Action::close_backend);
            return await_reply(terms_.final_reply_time, now);
        case RelayEnd::source_failed:
            if (uploads()) return break_data(426, Reason::client_broke, now);
            return judge_lost_source(now);
        case RelayEnd::sink_failed:
            return break_data(426, uploads() ? Reason::server_closed : Reason::client_closed, now);
        case RelayEnd::stalled:
            if (leave_backend(Reason::server_stalled, now)) return;
            return break_data(426, Reason::server_stalled, now);
        case RelayEnd::stalled_by_client: return break_data(426, Reason::client_stalled, now);
        case RelayEnd::differs:
            // One that dies in the comparison seems to have a shorter file.
            if (leave_backend(is_missing() ? Reason::reply_lost : Reason::differs, now)) return;
            return break_data(426, Reason::differs, now);
    }
}

/// The backend's data broke. A living backend says why, and its reply is the client's. One that
/// says nothing is lost.
void TransferMachine::judge_lost_source(loop::Time now) {
    if (!terms_.may_leave || stays_) return break_data(426, Reason::server_broke, now);
    if (!std::exchange(is_source_lost_, true)) data_due_ = now + reset_reply_time;
    const bool has_refused = has_final() && !is_confirmed() && !has_lost_backend();
    if (has_refused) return break_data(426, Reason::server_broke, now);
    if (!has_final() && !is_missing() && now < data_due_) return;
    if (!leave_backend(Reason::server_broke, now)) break_data(426, Reason::server_broke, now);
}

/// The end of the client's direction. A killed client's kernel ends its data like a finished
/// client, and its control connection shortly before or after. So an end without close_notify or
/// QUIT is held for a moment before it is passed on, even if the command only might be an upload.
void TransferMachine::judge_way(loop::Time now) {
    if (data_ != Data::moving || way_end_ == WayEnd::none || downloads()) return;
    const bool is_vouched_for = way_end_ == WayEnd::vouched;
    if (way_ == Way::open) {
        if (!is_end_trusted(terms_.client_is_protected, is_vouched_for))
            return break_data(426, Reason::no_close_notify, now);
        way_ = Way::held;
        data_due_ = now + end_grace_;
    }
    // A 2xx does not confirm an upload whose end the server cannot have seen.
    const bool is_too_early = uploads() && is_confirmed();
    if (way_ == Way::held) {
        if (!is_vouched_for && client_vanished()) return break_data(426, Reason::client_left, now);
        const bool is_settled =
            is_vouched_for || (!client_is_behind() && (client_vouches_ || now >= data_due_));
        if (!is_settled) return;
        if (is_too_early) return break_data(451, Reason::confirmed_too_early, now);
        way_ = Way::passing;
        data_due_ = uploads() ? now + terms_.stall_time : loop::never;
        return push(Action::pass_end_on);
    }
    if (way_ != Way::passing || !uploads()) return;
    if (is_too_early) return break_data(451, Reason::confirmed_too_early, now);
    if (now >= data_due_) break_data(426, Reason::server_stalled, now);
}

void TransferMachine::judge_client(loop::Time now) {
    if (!client_vanished()) return;
    // Under TLS the data's own end decides: close_notify may still be on its way.
    if (uploads() && data_ == Data::moving && way_ != Way::passing && !terms_.client_is_protected)
        break_data(426, Reason::client_left, now);
    if (data_ == Data::waiting && is_begun() && !has_client())
        break_data(425, Reason::client_left_early, now);
}

/// The administrator ends it, or has disabled the backend. Data that are whole only wait for the
/// backend's reply.
void TransferMachine::judge_cut(loop::Time now) {
    if (cut_ == Reason::none) return;
    const bool ends_it = cut_ == Reason::server_disabled || cut_ == Reason::ended_by_operator;
    if (ends_it && (data_ == Data::whole || data_ == Data::broken) && !has_final())
        reply_due_ = loop::sooner(reply_due_, now + reply_time());
    if (!data_are_pending() || ending_of(end_state()) != Ending::not_yet) return;
    if (leave_backend(cut_, now)) return;
    if (ends_it) return break_data(426, cut_, now);
    cut_ = Reason::none;
}

loop::Time::duration TransferMachine::reply_time() const {
    return cut_ == Reason::server_disabled ? std::min(disabled_reply_time, terms_.reply_time)
                                           : terms_.reply_time;
}

/// pyftpdlib 1.5.7 may not end a transfer that was reset before it accepted the connection, and
/// give the file to the next one. Its first byte shows that it has accepted.
void TransferMachine::judge_broken(loop::Time now) {
    if (data_ != Data::broken) return;
    const bool is_over = has_final() || is_missing();
    if (broken_ == Broken::unnoticed && (is_over || now >= data_due_)) return reset_backend(now);
    const bool is_late = broken_ == Broken::reset && now >= data_due_ && !is_over;
    if (broken_ != Broken::to_abort && !is_late) return;
    broken_ = Broken::reset;
    data_due_ = loop::never;
    reply_due_ = loop::never;
    push(Action::abort_broken);
}

EndState TransferMachine::end_state() const {
    EndState state;
    state.is_begun = is_announced();
    if (data_ == Data::whole) state.data = EndState::Data::whole;
    if (data_ == Data::broken) state.data = EndState::Data::broken;
    if (is_missing()) state.final_reply = EndState::Final::missing;
    if (has_final())
        state.final_reply = is_confirmed() ? EndState::Final::positive : EndState::Final::negative;
    return state;
}

void TransferMachine::judge_ending(loop::Time now) {
    const auto ending = ending_of(end_state());
    if (ending == Ending::not_yet) return;
    if (has_final() && words_ == Words::owed) return push(Action::settle_replies);
    if (has_lost_backend() && leave_backend(is_missing() ? reason_ : Reason::reply_lost, now))
        return;
    conclude(ending, now);
}

void TransferMachine::judge_deadlines(loop::Time now) {
    if (data_ == Data::waiting && !has_client() && now >= client_due_)
        return break_data(425, Reason::client_missing, now);
    if (data_ == Data::waiting && now >= backend_due_)
        return leave_or_break(425, Reason::server_missing, now);
    if (now < reply_due_ || is_missing()) return;
    // A reply is not late while its lines keep coming.
    if (line_at_ != loop::Time::min() && line_at_ + reply_time_ > now) {
        reply_due_ = line_at_ + reply_time_;
        return;
    }
    words_ = Words::lost;
    push(Action::give_up_reply);
    if (data_ == Data::broken) return;
    reason_ = Reason::reply_late;
    own_code_ = 451;
}

void TransferMachine::conclude(Ending ending, loop::Time now) {
    switch (ending) {
        case Ending::not_yet: return;
        case Ending::whole: stage_ = Stage::ending_client; return push(Action::end_client);
        case Ending::refused:
            reason_ = Reason::refused;
            return end(Result::refused, Action::tell_final);
        case Ending::failed_by_backend:
            // The backend's reply about data that we refused does not help the client.
            if (own_code_ == refused_tls_code) return conclude(Ending::failed, now);
            // Nor does it what another backend says of a file that this one was to go on with.
            if (awaits_resumption() && is_announced_) {
                own_code_ = 426;
                reason_ = lost_by_;
                return conclude(Ending::failed, now);
            }
            if (data_ == Data::broken) return end(Result::failed, Action::tell_final);
            stage_ = Stage::refused;
            reason_ = Reason::refused;
            data_due_ = now + refused_end_time;
            return judge(now);
        case Ending::failed:
            if (data_ != Data::broken) break_data(own_code_, reason_, now);
            return end(Result::failed, Action::tell_failure);
    }
}

/// The backend began the transfer and then refused it.
void TransferMachine::end_refused() {
    if (is_refusal_harmless()) {
        // ProFTPD: LIST of a missing name, RETR of a directory.
        push(Action::end_client);
        push(Action::close);
        return end(Result::failed, Action::tell_final);
    }
    // Send the reply first: many clients end the session when a data connection breaks.
    push(Action::stop_moving);
    push(Action::tell_final);
    stage_ = Stage::breaking;
}

/// Whether the client's data may end properly before the refusal: the backend ended them properly,
/// and they are a listing or empty. A partial file never ends properly.
bool TransferMachine::is_refusal_harmless() const {
    if (!downloads() || data_ != Data::whole) return false;
    if (final_code_ == 421 || final_code_ == 426) return false;
    return terms_.is_listing || !has_moved_;
}

/// Whether the backend is lost as the source of a download whose client's data can wait. RFC 959
/// 4.2.2: 421 ends the service, 426 a transfer. What another backend refuses to go on with is lost
/// there, too.
bool TransferMachine::has_lost_backend() const {
    if (!downloads() || data_ == Data::broken) return false;
    if (awaits_resumption() && is_announced_ && has_final() && !is_confirmed()) return true;
    return is_missing() || final_code_ == 421 || (final_code_ == 426 && is_announced());
}

/// The client's end of the data is held open and silent, and another backend is looked for. False:
/// the transfer cannot move, or the time for that is over.
bool TransferMachine::leave_backend(Reason reason, loop::Time now) {
    if (stage_ != Stage::carrying || !may_leave() || cut_ == Reason::ended_by_operator)
        return false;
    if (abort_is_wanted_ || client_has_left()) return false;
    if (move_due_ == loop::never) move_due_ = now + terms_.failover_time;
    if (now >= move_due_) return false;
    lost_by_ = reason;
    stage_ = Stage::moving_on;
    push(Action::move_on);
    // It may have to stay where it is.
    const bool is_lost = reason != Reason::server_down && reason != Reason::server_drained;
    if (is_lost) forget_backend();
    return true;
}

void TransferMachine::forget_backend() {
    is_announced_ = is_announced();
    data_ = Data::waiting;
    relay_end_ = RelayEnd::none;
    is_source_lost_ = false;
    backend_ = Link::connected;
    backend_has_moved_ = false;
    words_ = Words::owed;
    final_code_ = 0;
    if (cut_ != Reason::ended_by_operator) cut_ = Reason::none;
    reply_due_ = backend_due_ = data_due_ = loop::never;
    line_at_ = loop::Time::min();
}

/// No other backend takes the transfer over from one that is not lost.
void TransferMachine::note_stays() {
    stage_ = Stage::carrying;
    lost_by_ = Reason::none;
    if (cut_ != Reason::ended_by_operator) cut_ = Reason::none;
    move_due_ = loop::never;
}

/// For failures that say nothing about a first backend, but that another one cannot go on.
void TransferMachine::leave_or_break(std::uint16_t code, Reason reason, loop::Time now) {
    if (awaits_resumption() && leave_backend(reason, now)) return;
    break_data(code, reason, now);
}

/// The transfer ends as it would have without another backend.
void TransferMachine::note_not_moved(loop::Time now) {
    stays_ = true;
    stage_ = Stage::carrying;
    words_ = Words::lost;
    break_data(426, lost_by_, now);
}

/// Neither side may take this end for a proper one, so both data connections are reset. The backend
/// has its reply timeout to answer.
void TransferMachine::break_data(std::uint16_t code, Reason reason, loop::Time now) {
    const bool backend_is_open = backend_ == Link::connected || backend_ == Link::ready;
    // An upload refused after its end leaves nothing to abort.
    const bool has_ended = has_final() && (!uploads() || !backend_is_open || data_ == Data::whole ||
                                           final_code_ == 421);
    const bool has_confirmed = uploads() && is_confirmed();
    const bool listens = (is_begun() || has_confirmed) && !has_ended && !is_missing();
    const bool may_have_accepted = backend_has_moved_ || uploads() || !listens;
    push(Action::break_client);
    data_ = Data::broken;
    own_code_ = code;
    reason_ = reason;
    client_due_ = loop::never;
    await_reply(reply_time(), now);
    if (!may_have_accepted) {
        broken_ = Broken::unnoticed;
        data_due_ = now + broken_reply_time;
    } else if (uploads() && listens && relay_end_ != RelayEnd::sink_failed) {
        // If the backend did not break its upload itself, it gets ABOR first.
        broken_ = Broken::to_abort;
        data_due_ = loop::never;
    } else {
        reset_backend(now);
    }
}

void TransferMachine::reset_backend(loop::Time now) {
    broken_ = Broken::reset;
    const bool is_awaited = is_begun() && !has_final() && !is_missing();
    data_due_ = is_awaited ? now + broken_reply_time : loop::never;
    push(Action::reset_backend);
}

/// Refuses the transfer before the backend has heard of it.
void TransferMachine::refuse(std::uint16_t code, Reason reason) {
    own_code_ = code;
    reason_ = reason;
    push(Action::break_client);
    if (code == refused_tls_code) push(Action::reset_backend);
    end(Result::refused, Action::tell_refusal);
}

void TransferMachine::abort(Action of_backend) {
    reason_ = Reason::aborted;
    push(Action::break_client);
    push(of_backend);
    end(Result::aborted, Action::tell_aborted);
}

void TransferMachine::end(Result result, Action last) {
    result_ = result;
    stage_ = Stage::over;
    push(last);
}

void TransferMachine::await_reply(loop::Time::duration time, loop::Time now) {
    reply_time_ = time;
    reply_due_ = now + time;
}

void TransferMachine::await_client(loop::Time now) {
    if (!has_client()) client_due_ = now + terms_.client_connect_time;
}

loop::Deadline TransferMachine::deadline() const {
    switch (stage_) {
        case Stage::securing: return client_due_;
        case Stage::refused: return data_due_;
        case Stage::carrying: break;
        default: return loop::never;
    }
    switch (data_) {
        case Data::waiting:
            return loop::sooner(reply_due_, loop::sooner(client_due_, backend_due_));
        case Data::moving:
            return way_ == Way::open && !is_source_lost_ ? reply_due_
                                                         : loop::sooner(reply_due_, data_due_);
        case Data::whole: return reply_due_;
        case Data::broken: return loop::sooner(reply_due_, data_due_);
    }
    return loop::never;
}

TransferPhase TransferMachine::phase() const {
    using Phase = TransferPhase;
    if (stage_ == Stage::securing && terms_.secures_client_first)
        return has_client() ? Phase::handshake : Phase::waiting_for_client;
    if (stage_ == Stage::moving_on) return Phase::moving_on;
    if (!is_sent()) return Phase::opening;
    if (result_ == Result::aborted || data_ == Data::broken) return Phase::aborting;
    if (stage_ != Stage::carrying || data_ == Data::whole) return Phase::ending;
    if (data_ == Data::moving) return way_ == Way::open ? Phase::moving : Phase::ending;
    if (!may_move() || backend_ == Link::expected) return Phase::waiting_for_backend;
    return has_client() ? Phase::handshake : Phase::waiting_for_client;
}

}  // namespace ballast::session
