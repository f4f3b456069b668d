// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "ftp/verb.h"
#include "loop/loop.h"

#include <compare>
#include <cstdint>
#include <string_view>

/// What a transfer and its machine exchange.
namespace ballast::session {

/// A transfer's result.
enum class TransferResult : std::uint8_t {
    whole,  ///< the data ended properly and the backend said 2xx
    failed,
    aborted,         ///< by ABOR
    refused,         ///< no data were moved
    not_a_transfer,  ///< an unknown command, answered without data
};

/// Why a transfer was not whole.
enum class TransferReason : std::uint8_t {
    none,
    aborted,
    refused,     ///< by a reply, the backend's or ours
    reply_lost,  ///< the backend's control connection
    reply_late,
    client_missing,      ///< it opened no data connection
    client_unreachable,  ///< at the address that it named
    client_tls,          ///< on its data connection
    client_tls_late,
    client_left_early,   ///< its control connection ended before its data
    client_left,         ///< its control connection ended during its data
    client_broke,        ///< the data connection, while sending
    client_closed,       ///< the data connection, while receiving
    server_missing,      ///< it opened no data connection
    server_tls,          ///< on its data connection
    server_tls_refused,  ///< it refused PROT
    server_broke,
    server_closed,
    server_disabled,    ///< by the administrator
    ended_by_operator,  ///< this transfer alone, or its session
    no_close_notify,    ///< under `strict_close`
    client_stalled,     ///< it sent or took no byte for too long
    server_stalled,
    confirmed_too_early,  ///< 2xx before the end of an upload
    server_down,          ///< by its probes, and no byte came any more
    server_drained,       ///< by the administrator, who wants its transfers moved
    differs,              ///< another backend sends other bytes
    data_strayed,         ///< the kernel should carry them, but the connection came to Ballast
};

/// How far a transfer came.
enum class TransferReach : std::uint8_t {
    nowhere,  ///< the backend has not received the command
    sent,     ///< the command was
    begun,    ///< the backend said 1xx
};

/// What a transfer is doing.
enum class TransferPhase : std::uint8_t {
    opening,              ///< the backend's data connection
    moving_on,            ///< looking for another backend after a loss
    waiting_for_backend,  ///< for its 1xx or its data connection
    waiting_for_client,   ///< for its data connection
    handshake,
    moving,
    ending,
    aborting,
};

[[nodiscard]] std::string_view to_string(TransferResult result);
/// For logs and replies. Some reasons have more to say, see `Transfer::reason_in_words`.
[[nodiscard]] std::string_view to_string(TransferReason reason);
[[nodiscard]] std::string_view to_string(TransferPhase phase);
/// Whose fault it was, in a transfer in this direction.
[[nodiscard]] base::Blame blame_of(TransferReason reason, ftp::Direction direction);
/// Whether an operator may have to change a TLS setting.
[[nodiscard]] bool is_about_tls(TransferReason reason);

/// RFC 4217 10.2: TLS on the data connection failed or is not what was demanded.
inline constexpr std::uint16_t refused_tls_code = 522;

/// What does not change during one transfer.
struct TransferTerms {
    ftp::Direction direction = ftp::Direction::unknown;  ///< unknown: it may not be a transfer
    bool is_listing = false;
    bool client_is_protected = false;  ///< its data are under TLS
    bool backend_is_protected = false;
    bool secures_client_first = false;  ///< TLS first, then the command
    bool dials_client = false;          ///< once the backend has begun
    bool backend_leads = false;    ///< an active client is dialled when the backend has connected
    bool is_close_strict = false;  ///< TLS data without close_notify are not whole
    bool may_leave = false;        ///< a lost backend may be replaced by another one
    loop::Time::duration client_connect_time{};
    loop::Time::duration client_tls_time{};
    loop::Time::duration backend_connect_time{};
    loop::Time::duration stall_time{};
    loop::Time::duration reply_time{};
    loop::Time::duration final_reply_time{};  ///< counted from the end of the data
    loop::Time::duration failover_time{};     ///< the client waits for another backend

    friend auto operator<=>(const TransferTerms&, const TransferTerms&) = default;
};

/// Something that has happened.
struct TransferEvent {
    enum class Kind : std::uint8_t {
        // the backend's control connection
        command_sent,  ///< `time`: the time limit for the answer
        command_not_sent,
        begun,      ///< 1xx
        line_came,  ///< `at`: arrival of the last line of an unfinished reply; `min`: no such reply
        final_came,        ///< `code`; a later event may correct it
        reply_lost,        ///< no more replies will come
        backend_disabled,  ///< by the administrator
        backend_down,      ///< by its probes, and no byte has moved for a while
        backend_drained,   ///< the administrator wants its transfers moved
        left,              ///< another backend will go on, so this one is left
        stays,             ///< no other backend can go on, so it stays on this one
        not_moved,         ///< no other backend can go on, and this one is lost
        resumed,           ///< another backend goes on with it
        operator_ends,     ///< this transfer, or its session
        replies_settled,
        // the client's control connection
        abor,
        client_left,
        client_vouched,  ///< QUIT, after its data
        client_behind,   ///< more of its commands are waiting to be read
        client_heard,    ///< all of them were read
        // the data connections
        client_connected,
        client_secured_early,  ///< its handshake ended before the command, well or not
        client_unreachable,
        client_secured,
        client_tls_failed,
        backend_expected,
        backend_connected,
        backend_secured,
        backend_tls_failed,
        backend_noticed,  ///< it would notice a reset of its data connection
        // the data
        first_byte,
        ended,          ///< `time`: how long to hold an upload's end
        ended_vouched,  ///< with TLS close_notify
        way_ended,      ///< the client's direction, if data go both ways; `time` as above
        way_ended_vouched,
        source_failed,
        sink_failed,
        stalled,
        stalled_by_client,
        differs,  ///< the other backend's bytes
        // results of actions
        end_passed,
        end_blocked,
        end_failed,
        client_ended,
        client_not_ended,
    };
    Kind kind;
    std::uint16_t code = 0;
    loop::Time::duration time{};
    loop::Time at{};
};

/// What to do now.
enum class TransferAction : std::uint8_t {
    wait,  ///< for an event or the deadline
    done,
    say_150,
    send_command,   ///< and REST before it: `command_sent` or `command_not_sent`
    move_on,        ///< send it to another backend: `command_sent`, `not_moved` or `stays`
    dial_client,    ///< until `client_deadline`
    secure_client,  ///< start its TLS, or use the result of an early handshake
    secure_backend,
    move,            ///< start the relay
    pass_end_on,     ///< to the backend: `end_passed`, `end_blocked` or `end_failed`
    close_backend,   ///< its data have ended
    stop_moving,     ///< stop the relay
    break_client,    ///< stop the relay and reset the client's data connection
    reset_backend,   ///< the backend's data connection
    give_up_reply,   ///< the reply is late
    settle_replies,  ///< wait for answers to STATs, then `replies_settled`
    end_client,      ///< end the client's data properly: `client_ended` or `client_not_ended`
    close,           ///< both connections, which have ended properly
    abort,           ///< send ABOR with its fence and reset the backend
    abort_broken,    ///< the same; its reply is the final one if none has come
    tell_final,      ///< the backend's reply
    tell_failure,    ///< `own_code` and the reason
    tell_refusal,    ///< the same if the command was not sent
    tell_aborted,
};

}  // namespace ballast::session
