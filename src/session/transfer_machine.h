// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"
#include "session/transfer_end.h"
#include "session/transfer_terms.h"

#include <array>
#include <compare>
#include <cstdint>

namespace ballast::session {

/// Decides everything about one transfer once its data connections are open or expected: events in,
/// actions and the next deadline out. It does no I/O and has no clock. The caller passes events and
/// the time, so a test can walk through every order of events.
///
/// The caller first reports all new events with `on`, in this order: replies, the client's
/// commands, the data. Then it performs the actions that `next` returns, up to `wait` or `done`.
/// Only `next` draws conclusions, so an ABOR takes effect before a data end that arrived with it.
class TransferMachine {
public:
    explicit TransferMachine(const TransferTerms& terms);

    void on(const TransferEvent& event, loop::Time now);
    [[nodiscard]] TransferAction next(loop::Time now);
    /// When to call `next` again if nothing happens.
    [[nodiscard]] loop::Deadline deadline() const;

    // What the caller should look at

    /// Replies and commands.
    [[nodiscard]] bool is_listening() const {
        return stage_ == Stage::securing || stage_ == Stage::carrying;
    }
    /// The client's data connection.
    [[nodiscard]] bool looks_at_client() const {
        return is_listening() && data_ == Data::waiting && (is_begun() || !is_tentative());
    }
    [[nodiscard]] bool looks_at_backend() const {
        return stage_ == Stage::carrying && data_ == Data::waiting;
    }
    /// Whether the backend of broken data would notice a reset.
    [[nodiscard]] bool awaits_notice() const {
        return data_ == Data::broken && broken_ == Broken::unnoticed;
    }
    /// The client's end had no room: try `pass_end_on` again.
    [[nodiscard]] bool is_passing_end_on() const {
        return data_ == Data::moving && way_ == Way::passing;
    }
    /// How long to wait for the client's connection or TLS.
    [[nodiscard]] loop::Deadline client_deadline() const { return client_due_; }

    // What is known

    /// There is nothing left to do.
    [[nodiscard]] bool is_over() const { return stage_ == Stage::over && queued_ == 0; }
    [[nodiscard]] bool secures_client_first() const { return terms_.secures_client_first; }
    [[nodiscard]] bool is_sent() const { return reach_ != TransferReach::nowhere; }
    [[nodiscard]] bool is_begun() const { return reach_ == TransferReach::begun; }
    [[nodiscard]] TransferReach reach() const {
        return is_announced_ ? TransferReach::begun : reach_;
    }
    [[nodiscard]] bool is_missing() const { return words_ == Words::lost; }
    [[nodiscard]] std::uint16_t final_code() const { return final_code_; }
    [[nodiscard]] bool has_moved() const { return has_moved_; }
    [[nodiscard]] bool data_are_over() const { return relay_end_ != RelayEnd::none; }
    [[nodiscard]] bool client_way_is_over() const { return way_end_ != WayEnd::none; }
    /// The data have neither ended properly nor broken.
    [[nodiscard]] bool data_are_pending() const {
        return data_ == Data::waiting || data_ == Data::moving;
    }
    /// The client was told that the transfer has begun, by this backend or a former one.
    [[nodiscard]] bool is_announced() const { return is_announced_ || is_begun(); }
    /// The last backend was lost, and no byte has come from another one.
    [[nodiscard]] bool awaits_resumption() const { return lost_by_ != TransferReason::none; }
    /// Another backend may be looked for.
    [[nodiscard]] bool may_leave() const { return terms_.may_leave && !stays_; }
    /// Why the last backend was lost.
    [[nodiscard]] TransferReason lost_by() const { return lost_by_; }
    /// Until when another backend may be looked for.
    [[nodiscard]] loop::Deadline move_due() const { return move_due_; }
    /// The transfer goes on with another backend.
    void change_backend(bool is_protected) { terms_.backend_is_protected = is_protected; }
    [[nodiscard]] bool client_has_left() const { return client_says_ == Client::end; }
    [[nodiscard]] bool client_is_behind() const { return client_says_ == Client::less; }
    [[nodiscard]] bool abort_is_wanted() const { return abort_is_wanted_; }
    [[nodiscard]] TransferPhase phase() const;

    // Valid after `done`; the reason as soon as it is decided

    [[nodiscard]] TransferResult result() const { return result_; }
    [[nodiscard]] TransferReason reason() const { return reason_; }
    /// The code of our own reply, used if the backend gave no reason.
    [[nodiscard]] std::uint16_t own_code() const { return own_code_; }

    friend auto operator<=>(const TransferMachine&, const TransferMachine&) = default;

private:
    enum class Stage : std::uint8_t {
        starting,
        securing,       ///< the client's TLS, before the command is sent
        sending,        ///< the command
        moving_on,      ///< to another backend
        carrying,       ///< until the end is decided
        refused,        ///< by the backend; the end of its data may follow
        ending_client,  ///< the transfer is whole, the client's data are being ended
        breaking,       ///< the refusal was told, the data are broken next
        over,
    };
    enum class Data : std::uint8_t { waiting, moving, whole, broken };
    /// Ordered: from `connected` on a connection exists.
    enum class Link : std::uint8_t {
        expected,
        dialled,
        unreachable,
        connected,
        securing,
        insecure,  ///< its TLS has failed
        ready,
    };
    enum class RelayEnd : std::uint8_t {
        none,
        ended,
        vouched,
        source_failed,
        sink_failed,
        stalled,
        stalled_by_client,
        differs,
    };
    /// The client's direction of the data, in an upload or in what may be one.
    enum class Way : std::uint8_t {
        open,
        held,     ///< ended, but the client may have vanished
        passing,  ///< the end is being passed on to the backend
        over,
    };
    enum class WayEnd : std::uint8_t { none, bare, vouched };
    /// How the backend of broken data is treated next.
    enum class Broken : std::uint8_t {
        to_abort,   ///< send ABOR before the reset
        unnoticed,  ///< it may not have accepted the connection: reset it later
        reset,
    };

    /// The backend's replies.
    enum class Words : std::uint8_t {
        owed,
        settled,  ///< the final reply came and every STAT is answered
        lost,     ///< no more will come
    };
    /// How much of the client's control connection has been read.
    enum class Client : std::uint8_t {
        all,
        less,  ///< more commands are waiting
        end,
    };

    void judge(loop::Time now);
    void start(loop::Time now);
    void secure_first(loop::Time now);
    void carry(loop::Time now);
    void send();
    void connect(loop::Time now);
    void secure(loop::Time now);
    void judge_relay(loop::Time now);
    void judge_lost_source(loop::Time now);
    [[nodiscard]] bool is_tls_failure_final(loop::Time now);
    void judge_way(loop::Time now);
    void judge_client(loop::Time now);
    void judge_cut(loop::Time now);
    void judge_broken(loop::Time now);
    void judge_ending(loop::Time now);
    void judge_deadlines(loop::Time now);
    void conclude(Ending ending, loop::Time now);
    void end_refused();
    void on_backend(const TransferEvent& event, loop::Time now);
    void on_client(const TransferEvent& event);
    void on_connection(const TransferEvent& event, loop::Time now);
    void on_data(const TransferEvent& event);
    void on_outcome(const TransferEvent& event, loop::Time now);
    void note_end_passed(loop::Time now);
    void note_client_ended(bool is_proper, loop::Time now);
    void break_data(std::uint16_t code, TransferReason reason, loop::Time now);
    [[nodiscard]] bool leave_backend(TransferReason reason, loop::Time now);
    void leave_or_break(std::uint16_t code, TransferReason reason, loop::Time now);
    void forget_backend();
    void note_stays();
    void note_not_moved(loop::Time now);
    void reset_backend(loop::Time now);
    void refuse(std::uint16_t code, TransferReason reason);
    void abort(TransferAction of_backend);
    void end(TransferResult result, TransferAction last);
    void await_reply(loop::Time::duration time, loop::Time now);
    void await_client(loop::Time now);
    void push(TransferAction action);

    [[nodiscard]] bool is_tentative() const { return terms_.direction == ftp::Direction::unknown; }
    [[nodiscard]] bool uploads() const { return terms_.direction == ftp::Direction::upload; }
    [[nodiscard]] bool downloads() const { return terms_.direction == ftp::Direction::download; }
    [[nodiscard]] bool has_final() const { return final_code_ != 0; }
    [[nodiscard]] bool is_confirmed() const { return final_code_ / 100 == 2; }
    [[nodiscard]] bool may_move() const;
    [[nodiscard]] bool has_client() const { return client_ >= Link::connected; }
    [[nodiscard]] bool client_vanished() const { return client_has_left() && !client_vouches_; }
    [[nodiscard]] bool is_end_trusted(bool is_protected, bool is_vouched_for) const;
    [[nodiscard]] bool is_refusal_harmless() const;
    [[nodiscard]] bool has_lost_backend() const;
    [[nodiscard]] loop::Time::duration reply_time() const;
    [[nodiscard]] EndState end_state() const;

    TransferTerms terms_;
    Stage stage_ = Stage::starting;
    Data data_ = Data::waiting;
    Link client_ = Link::expected;
    Link backend_ = Link::connected;
    RelayEnd relay_end_ = RelayEnd::none;
    Way way_ = Way::open;
    WayEnd way_end_ = WayEnd::none;
    Broken broken_ = Broken::reset;
    TransferReach reach_ = TransferReach::nowhere;
    Words words_ = Words::owed;
    Client client_says_ = Client::all;
    TransferResult result_ = TransferResult::failed;
    TransferReason reason_ = TransferReason::none;
    std::uint16_t own_code_ = 426;
    std::uint16_t final_code_ = 0;  // 0: none yet

    bool has_moved_ = false;          // a byte
    bool backend_has_moved_ = false;  // a byte of the present one
    bool client_vouches_ = false;     // it said QUIT after its data
    bool abort_is_wanted_ = false;
    TransferReason cut_ = TransferReason::none;      // why it shall leave the backend, or end
    bool is_announced_ = false;                      // a former backend had begun
    bool is_source_lost_ = false;                    // the data broke, its reply may say why
    bool stays_ = false;                             // there is no other backend for it
    TransferReason lost_by_ = TransferReason::none;  // until another backend goes on

    // One deadline each for the backend's replies, for the client's data connection or its TLS, for
    // the backend's data connection, and for the data: an end that is held or passed on, or a
    // broken backend.
    loop::Deadline reply_due_ = loop::never;
    loop::Deadline client_due_ = loop::never;
    loop::Deadline backend_due_ = loop::never;
    loop::Deadline data_due_ = loop::never;
    loop::Deadline move_due_ = loop::never;   // for another backend
    loop::Time::duration reply_time_{};       // for each line of a reply
    loop::Time line_at_ = loop::Time::min();  // the last line of an unfinished reply
    loop::Time::duration end_grace_{};

    std::array<TransferAction, 6> queue_{};
    std::uint8_t queued_ = 0;
};

}  // namespace ballast::session
