// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "config/config.h"
#include "ftp/verb.h"
#include "guard/bandwidth.h"
#include "loop/job.h"
#include "net/network.h"
#include "pool/transfer_scope.h"
#include "relay/relay.h"
#include "session/answers.h"
#include "session/backend_end.h"
#include "session/backend_replies.h"
#include "session/client_data.h"
#include "session/client_end.h"
#include "session/client_leg.h"
#include "session/other_backends.h"
#include "session/running_transfer.h"
#include "session/story.h"
#include "session/transfer_machine.h"
#include "session/transfer_outcome.h"
#include "session/transfer_terms.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

/// One transfer, from the client's command to the last reply. The two legs' data modes are
/// independent. The session owns what `Parts` refers to and outlives it. The client's data address
/// is spent afterwards, unless the command was not a transfer after all.
///
/// `TransferMachine` makes the decisions. This class watches both ends of the data and both control
/// connections, reports events to the machine, and performs its actions.
class Transfer : public RunningTransfer {
public:
    struct Parts {
        net::Network& network;
        loop::Signal& signal;  ///< the session's; both legs raise it
        ClientLeg& client;
        backend::Leg& backend;  ///< where the transfer begins
        ClientData& client_data;
        const config::Listener& settings;
        const ClientDataTls* client_tls;              ///< null: the client's data are in plain text
        std::shared_ptr<pool::ByteCount> byte_count;  ///< of the backend
        guard::Throttle throttle;
        relay::Porter* porter = nullptr;  ///< its worker's; null: no other may carry the bytes
        Story* story = nullptr;           ///< the session's; null: it is told nothing
        MoveTerms move = {};              ///< whether it may go on with another backend
        OtherBackends* others = nullptr;  ///< null: there are none for this session
        /// `backend` has the command, and waits for its data connection there. It has not answered.
        std::optional<base::Address> heard_at = {};
    };
    /// `direction` is `unknown` for a command that may not be a transfer.
    Transfer(Parts parts, std::string line, ftp::Direction direction,
             std::optional<std::uint64_t> restart);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    [[nodiscard]] loop::Task<TransferOutcome> run();
    /// May be called at any time, like `end_by_operator`.
    [[nodiscard]] TransferProgress progress() const override;
    /// The backend that it is on, or was on last.
    [[nodiscard]] const backend::Leg* backend() const { return leg_; }
    void end_by_operator() override;

private:
    void use(backend::Leg& leg);
    [[nodiscard]] loop::Task<bool> prepare();
    [[nodiscard]] loop::Task<bool> reach_client();
    [[nodiscard]] loop::Task<bool> open_backend();
    [[nodiscard]] bool may_send_with_passive() const;
    [[nodiscard]] loop::Task<std::optional<backend::DataRefusal>> open_data();
    [[nodiscard]] loop::Task<std::optional<backend::DataRefusal>> open_heard(base::Address at);
    [[nodiscard]] loop::Task<> hear_refusal(backend::DataRefusal& refusal);
    [[nodiscard]] loop::Task<> take_back(backend::DataRefusal& refusal);
    [[nodiscard]] loop::Task<std::optional<backend::DataRefusal>> try_to_open_backend(
        bool& is_for_tls);
    [[nodiscard]] loop::Task<> carry();
    [[nodiscard]] loop::Task<bool> act();
    [[nodiscard]] loop::Task<> gather();
    [[nodiscard]] loop::Task<> hear_client();
    [[nodiscard]] loop::Task<> hear_command(ftp::Command command);
    [[nodiscard]] std::optional<loop::Deadline> hold_until() const;
    [[nodiscard]] loop::Task<> release();
    void note_replies();
    void look_at_data();
    void look_at_backend();
    void look_at_client();
    void look_at_relay();
    void look_for_notice();
    void watch();
    [[nodiscard]] loop::Task<> perform(TransferAction action);
    [[nodiscard]] loop::Task<> speak(TransferAction action);
    [[nodiscard]] loop::Task<> send_command();
    [[nodiscard]] loop::Task<bool> learn_facts();
    [[nodiscard]] loop::Task<std::optional<base::Error>> ask_own_facts();
    [[nodiscard]] bool may_be_large() const;
    [[nodiscard]] std::vector<std::string> own_questions() const;
    [[nodiscard]] bool asks_with_command() const;
    [[nodiscard]] loop::Task<base::Result<>> send_line();
    [[nodiscard]] loop::Task<base::Result<>> hear_facts(std::vector<std::string> lines);
    void note_announced_size();
    [[nodiscard]] loop::Task<> move_on();
    [[nodiscard]] loop::Task<> leave(std::string_view why, OtherBackends::Left left);
    [[nodiscard]] loop::Task<std::optional<base::Error>> loss_behind(
        const backend::DataRefusal& refusal);
    [[nodiscard]] loop::Task<bool> move_before_sending(base::Error error, loop::Deadline due);
    void go_to(backend::Leg& leg);
    [[nodiscard]] std::string obstacle() const;
    [[nodiscard]] std::string why_left() const;
    [[nodiscard]] loop::Task<base::Result<std::string>> difference_on(backend::Leg& other);
    [[nodiscard]] loop::Task<base::Result<std::string>> begin_again();
    [[nodiscard]] loop::Task<> tell_farewell();
    void look_for_resumption();
    void look_for_wish();
    [[nodiscard]] loop::Deadline wish_at() const;
    [[nodiscard]] loop::Time last_byte_at() const;
    [[nodiscard]] loop::Task<bool> send_restart(std::optional<std::uint64_t> offset,
                                                std::optional<base::Error>& lost);
    void move();
    void pass_end_on();
    void break_client();
    [[nodiscard]] loop::Task<> refuse(std::uint16_t code, std::string_view text);
    [[nodiscard]] loop::Task<> refuse(ftp::Reply reply);
    [[nodiscard]] loop::Task<> refuse_for_lost_backend(const base::Error& error);
    void note_outcome();

    [[nodiscard]] bool is_tentative() const { return direction_ == ftp::Direction::unknown; }
    [[nodiscard]] bool client_data_are_over() const;
    [[nodiscard]] loop::Time::duration end_grace() const;
    [[nodiscard]] std::string reason_in_words() const;
    [[nodiscard]] std::string failure_in_words() const;
    [[nodiscard]] std::string refusal_in_words() const;
    [[nodiscard]] loop::Loop& loop() const { return parts_.network.loop(); }
    void tell(TransferEvent event);
    /// Never zero.
    [[nodiscard]] loop::Time::duration since_start(loop::Time time) const {
        return std::max<loop::Time::duration>(time - started_, std::chrono::microseconds(1));
    }
    void note_course();
    void note_interjection(const ftp::Command& command);

    Parts parts_;
    const std::string line_;
    const ftp::Direction direction_;
    const std::optional<std::uint64_t> restart_;
    Answers answers_;
    backend::Leg* leg_ = nullptr;  // the next two belong to it
    std::optional<BackendReplies> replies_;
    std::optional<BackendEnd> backend_end_;
    ClientEnd client_end_;
    bool line_is_sent_ = false;               // to the present backend, together with PASV or EPSV
    std::optional<ftp::Reply> line_refusal_;  // its answer, before there was a data connection
    TransferMachine machine_;
    TransferOutcome outcome_;
    loop::Time started_;
    std::optional<loop::Time> moving_since_;
    loop::Time ready_at_{};  // from then on only the backend can keep a download waiting
    relay::Report report_;
    std::optional<relay::Continuation> continuation_;  // it may go on with another backend
    std::uint64_t resumed_at_ = 0;  // how many bytes had been taken when it was left last
    loop::Time left_at_{};
    std::optional<loop::Time> checked_at_;  // another backend has shown the same bytes since
    std::string difference_;                // on another backend
    bool is_on_trial_ = false;              // on another backend, which has not sent a byte yet
    std::string stays_because_;             // of this it could not go on with another one
    loop::Time next_wish_at_{};             // to leave a backend that is not lost
    loop::Job relaying_;
};

}  // namespace ballast::session
