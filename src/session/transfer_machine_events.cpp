// SPDX-License-Identifier: Apache-2.0
// The events of a transfer's machine. Its decisions are in transfer_machine.cpp.
#include "session/transfer_machine.h"

#include <chrono>
#include <utility>

namespace ballast::session {

namespace {

using Action = TransferAction;
using Kind = TransferEvent::Kind;
using Reason = TransferReason;
using Result = TransferResult;

/// How soon to retry an end that had no room while data still move the other way. The relay watches
/// the connection then, and does not wake us.
constexpr auto retry_time = std::chrono::milliseconds(20);

}  // namespace

void TransferMachine::on(const TransferEvent& event, loop::Time now) {
    if (event.kind <= Kind::replies_settled) return on_backend(event, now);
    if (event.kind <= Kind::client_heard) return on_client(event);
    if (event.kind <= Kind::backend_noticed) return on_connection(event, now);
    if (event.kind <= Kind::differs) return on_data(event);
    on_outcome(event, now);
}

void TransferMachine::on_backend(const TransferEvent& event, loop::Time now) {
    switch (event.kind) {
        case Kind::command_sent:
            stage_ = Stage::carrying;
            reach_ = TransferReach::sent;
            return await_reply(event.time, now);
        case Kind::command_not_sent:
            stage_ = Stage::over;
            result_ = Result::refused;
            reason_ = Reason::refused;
            return;
        case Kind::begun:
            if (std::exchange(reach_, TransferReach::begun) == TransferReach::begun) return;
            // The data broke before the backend began. Its reply to that is still expected.
            if (data_ == Data::broken) return await_reply(reply_time(), now);
            reply_due_ = loop::never;
            return await_client(now);
        case Kind::line_came: line_at_ = event.at; return;
        case Kind::final_came:
            if (std::exchange(final_code_, event.code) == 0) reply_due_ = loop::never;
            // Some servers say no 1xx for an empty file.
            if (!is_begun() && is_confirmed()) await_client(now);
            return;
        case Kind::reply_lost:
            if (std::exchange(words_, Words::lost) == Words::lost || data_ == Data::broken) return;
            own_code_ = data_ == Data::whole ? 451 : 426;
            reason_ = Reason::reply_lost;
            return;
        case Kind::backend_disabled:
            if (cut_ != Reason::ended_by_operator) cut_ = Reason::server_disabled;
            return;
        case Kind::operator_ends:
            if (cut_ != Reason::server_disabled) cut_ = Reason::ended_by_operator;
            return;
        case Kind::backend_down:
            if (cut_ == Reason::none) cut_ = Reason::server_down;
            return;
        case Kind::backend_drained:
            if (cut_ == Reason::none) cut_ = Reason::server_drained;
            return;
        case Kind::left: return forget_backend();
        case Kind::stays: return note_stays();
        case Kind::not_moved: return note_not_moved(now);
        case Kind::resumed:
            lost_by_ = Reason::none;
            move_due_ = loop::never;
            backend_has_moved_ = true;
            return;
        case Kind::replies_settled:
            if (words_ == Words::owed) words_ = Words::settled;
            return;
        default: return;
    }
}

void TransferMachine::on_client(const TransferEvent& event) {
    switch (event.kind) {
        case Kind::abor: abort_is_wanted_ = true; return;
        case Kind::client_left: client_says_ = Client::end; return;
        case Kind::client_vouched: client_vouches_ = true; return;
        case Kind::client_behind: client_says_ = Client::less; return;
        case Kind::client_heard:
            if (client_is_behind()) client_says_ = Client::all;
            return;
        default: return;
    }
}

void TransferMachine::on_connection(const TransferEvent& event, loop::Time now) {
    switch (event.kind) {
        case Kind::client_connected:
            client_ = Link::connected;
            client_due_ = loop::never;
            return;
        case Kind::client_secured_early: client_ = Link::securing; return;
        case Kind::client_unreachable: client_ = Link::unreachable; return;
        case Kind::client_secured:
            client_ = Link::ready;
            client_due_ = loop::never;
            return;
        case Kind::client_tls_failed: client_ = Link::insecure; return;
        case Kind::backend_expected: backend_ = Link::expected; return;
        case Kind::backend_connected:
            backend_ = Link::connected;
            backend_due_ = loop::never;
            if (terms_.backend_leads && may_move()) await_client(now);
            return;
        case Kind::backend_secured: backend_ = Link::ready; return;
        case Kind::backend_tls_failed: backend_ = Link::insecure; return;
        case Kind::backend_noticed:
            if (awaits_notice()) data_due_ = now;
            return;
        default: return;
    }
}

void TransferMachine::on_data(const TransferEvent& event) {
    const auto end_relay = [&](RelayEnd end) {
        if (relay_end_ == RelayEnd::none) relay_end_ = end;
    };
    const auto end_way = [&](WayEnd end) {
        if (way_end_ != WayEnd::none) return;
        way_end_ = end;
        end_grace_ = event.time;
    };
    switch (event.kind) {
        case Kind::first_byte: has_moved_ = backend_has_moved_ = true; return;
        case Kind::ended:
            if (uploads()) end_way(WayEnd::bare);
            return end_relay(RelayEnd::ended);
        case Kind::ended_vouched:
            if (uploads()) end_way(WayEnd::vouched);
            return end_relay(RelayEnd::vouched);
        case Kind::way_ended: return end_way(WayEnd::bare);
        case Kind::way_ended_vouched: return end_way(WayEnd::vouched);
        case Kind::source_failed: return end_relay(RelayEnd::source_failed);
        case Kind::sink_failed: return end_relay(RelayEnd::sink_failed);
        case Kind::stalled: return end_relay(RelayEnd::stalled);
        case Kind::stalled_by_client: return end_relay(RelayEnd::stalled_by_client);
        case Kind::differs: return end_relay(RelayEnd::differs);
        default: return;
    }
}

void TransferMachine::on_outcome(const TransferEvent& event, loop::Time now) {
    switch (event.kind) {
        case Kind::end_passed: return note_end_passed(now);
        case Kind::end_blocked:
            if (!uploads()) data_due_ = now + retry_time;
            return;
        case Kind::end_failed:
            if (!is_passing_end_on()) return;
            if (!uploads()) return note_end_passed(now);
            return break_data(426, Reason::server_closed, now);
        case Kind::client_ended: return note_client_ended(true, now);
        case Kind::client_not_ended: return note_client_ended(false, now);
        default: return;
    }
}

void TransferMachine::note_end_passed(loop::Time now) {
    if (!is_passing_end_on()) return;
    way_ = Way::over;
    data_due_ = loop::never;
    if (!uploads()) return;
    if (is_confirmed()) return break_data(451, Reason::confirmed_too_early, now);
    data_ = Data::whole;
    await_reply(terms_.final_reply_time, now);
}

void TransferMachine::note_client_ended(bool is_proper, loop::Time now) {
    if (stage_ != Stage::ending_client) return;
    if (is_proper || !downloads()) {
        push(Action::close);
        return end(Result::whole, Action::tell_final);
    }
    // A client that has left meanwhile did not receive the end.
    break_data(426, Reason::client_closed, now);
    end(Result::failed, Action::tell_failure);
}

}  // namespace ballast::session
