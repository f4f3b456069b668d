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
#include "session/client_data.h"
#include "session/client_leg.h"
#include "session/transfer_end.h"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

/// What became of a transfer.
enum class Result : std::uint8_t {
    whole,  ///< the data ended properly and the backend said 2xx
    failed,
    aborted,         ///< by ABOR
    refused,         ///< nobody moved a byte
    not_a_transfer,  ///< `maybe_transfer` only: the backend answered without data
};

struct Outcome {
    Result result = Result::failed;
    std::string reason;  ///< empty if whole
    ftp::Direction direction = ftp::Direction::none;
    std::uint64_t bytes = 0;  ///< delivered to the receiving side
    std::chrono::steady_clock::duration time{};
    bool has_begun = false;        ///< the backend said 1xx
    bool backend_is_lost = false;  ///< the leg cannot be used any more
    bool client_is_lost = false;   ///< a reply could not be delivered
    bool service_is_over = false;  ///< the last reply was a 421: nothing follows it
    bool tls_was_refused =
        false;  ///< by one of the three: an operator may have to change a setting
};

/// One transfer, from the client's command to the last reply. The two legs' data modes are
/// independent. What it borrows belongs to the session and outlives it; it leaves the client's data
/// address spent, unless the command turned out to be no transfer.
class Transfer {
public:
    struct Parts {
        net::Network& network;
        loop::Signal& signal;  ///< the session's; both legs raise it
        ClientLeg& client;
        backend::Leg& backend;
        ClientData& client_data;
        const config::Listener& settings;
        const ClientDataTls* client_tls;              ///< null: the client's data go in plain text
        std::shared_ptr<pool::ByteCount> byte_count;  ///< of the backend
        guard::Throttle throttle;
    };
    /// `direction` is `unknown` for a command that may turn out to be no transfer.
    Transfer(Parts parts, std::string line, ftp::Direction direction,
             std::optional<std::uint64_t> restart);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    [[nodiscard]] loop::Task<Outcome> run();

private:
    enum class Data : std::uint8_t {
        waiting,  ///< for both connections, and their TLS
        moving,
        ending,  ///< an upload's end is being passed on to the backend
        whole,
        broken,
    };
    void give_back_data();
    [[nodiscard]] loop::Task<bool> open_connections();
    [[nodiscard]] loop::Task<bool> protect_backend();
    [[nodiscard]] bool is_secured_first() const;
    [[nodiscard]] loop::Task<bool> secure_client_first();
    [[nodiscard]] loop::Task<bool> refuse_client_tls();
    [[nodiscard]] loop::Task<bool> refuse_abort();
    [[nodiscard]] bool may_move() const;
    [[nodiscard]] bool has_client_connection() const;
    void start_client_handshake();
    void start_backend_handshake();
    void judge_client_handshake();
    void judge_backend_handshake();
    [[nodiscard]] std::string client_tls_problem();
    [[nodiscard]] bool is_end_trusted(bool is_protected, bool is_vouched_for);
    void end_upload();
    [[nodiscard]] loop::Task<bool> finish_client();
    [[nodiscard]] loop::Task<bool> begin();
    [[nodiscard]] loop::Task<> carry();
    [[nodiscard]] loop::Task<> dial_client(loop::Deadline deadline);
    [[nodiscard]] loop::Task<bool> wait_for_dial();
    [[nodiscard]] loop::Task<> take_replies();
    [[nodiscard]] loop::Task<> take_reply(ftp::Reply reply);
    [[nodiscard]] loop::Task<> take_preliminary(ftp::Reply reply);
    void set_final(ftp::Reply reply);
    void await_reply(loop::Time::duration time);
    [[nodiscard]] bool hears_backend() const;
    [[nodiscard]] loop::Task<> take_commands();
    void take_client_data();
    void take_backend_data();
    void start_relay();
    void judge_relay();
    void judge_other_way();
    void judge_client();
    [[nodiscard]] bool client_vanished() const;
    [[nodiscard]] bool is_end_settled();
    [[nodiscard]] loop::Time::duration end_grace() const;
    [[nodiscard]] bool is_client_data_over() const;
    [[nodiscard]] bool judge_deadlines();
    [[nodiscard]] EndState end_state() const;
    void break_data(std::uint16_t code, std::string reason);
    void reset_client_stream();
    void reset_backend_stream();
    void reset_broken_backend();
    void settle_broken_download();
    void watch();
    [[nodiscard]] loop::Deadline next_deadline() const;
    [[nodiscard]] loop::Task<> abort();
    [[nodiscard]] loop::Task<bool> abort_backend();
    [[nodiscard]] loop::Task<> abort_broken_transfer();
    [[nodiscard]] loop::Task<> conclude(Ending ending);
    [[nodiscard]] loop::Task<> end_refused_data();
    [[nodiscard]] bool is_refusal_harmless() const;
    [[nodiscard]] loop::Task<> answer_late_abort();

    // transfer_status.cpp
    [[nodiscard]] bool may_pass_lines(std::uint16_t code) const;
    [[nodiscard]] loop::Task<bool> pass_lines();
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> next_reply(
        loop::Time::duration patience, loop::Deadline latest = loop::never);
    [[nodiscard]] loop::Task<> settle_status();
    [[nodiscard]] loop::Task<> pass_status_on();

    [[nodiscard]] loop::Task<> tell_final();
    [[nodiscard]] loop::Task<> answer(ftp::Reply reply);
    [[nodiscard]] loop::Task<bool> refuse(std::uint16_t code, std::string_view reason);
    [[nodiscard]] loop::Task<bool> refuse(ftp::Reply reply);
    void lose_backend(const base::Error& error);

    [[nodiscard]] bool is_verb(std::initializer_list<std::string_view> verbs) const;
    [[nodiscard]] bool is_tentative() const { return direction_ == ftp::Direction::unknown; }
    [[nodiscard]] loop::Loop& loop() const { return parts_.network.loop(); }

    Parts parts_;
    const std::string line_;
    const ftp::Direction direction_;
    const std::optional<std::uint64_t> restart_;
    Outcome outcome_;

    std::unique_ptr<net::Stream> client_stream_;   // its TLS, if any, is done
    std::unique_ptr<net::Stream> backend_stream_;  // empty while its TLS begins
    std::unique_ptr<net::Lease> backend_lease_;    // until an active backend has connected
    bool protects_backend_ = false;
    std::optional<base::Result<std::unique_ptr<net::Stream>>> dialed_;
    relay::Report report_;

    bool is_begun_ = false;           // the backend said 1xx
    bool has_said_150_ = false;       // ours, before the backend's
    bool client_is_secured_ = false;  // the TLS of its data connection is done
    bool backend_is_secured_ = false;
    bool bare_end_is_counted_ = false;
    std::optional<ftp::Reply> final_reply_;
    std::string final_missing_;  // why no final reply will come
    Data data_ = Data::waiting;
    std::uint16_t own_code_ = 426;  // what the client is told if the backend gives no reason
    std::string broken_reason_;
    std::uint32_t status_owed_ = 0;           // STATs passed on and not answered
    bool status_has_begun_ = false;           // a 1xx came for one of them
    std::optional<ftp::Reply> doubtful_;      // passed on as STAT's, may have been the transfer's
    std::vector<ftp::Reply> status_replies_;  // behind the final reply
    bool status_follows_ = false;       // its answer has begun, and comes behind the final reply
    bool is_fenced_ = false;            // a NOOP was said behind the STATs
    std::uint32_t status_missing_ = 0;  // STATs that the backend will not answer
    bool final_is_told_ = false;
    std::string said_by_backend_;     // in the 1xx that the client got from us instead
    bool client_ended_ = false;       // its control connection
    bool other_way_is_over_ = false;  // the client's end was passed on to the backend
    bool is_end_confirmed_ = false;   // it said QUIT after its data
    bool has_more_commands_ = false;  // this turn had no room for them
    bool abort_wanted_ = false;
    std::vector<ftp::Reply> abort_replies_;  // of the backend
    bool is_aborting_ = false;
    bool abort_is_due_ = false;  // the backend of a broken upload has not been told yet
    loop::Deadline reply_deadline_ = loop::never;
    loop::Time::duration reply_time_{};          // that each line of it has
    loop::Deadline reset_due_at_ = loop::never;  // of a backend that may not have accepted yet
    loop::Deadline abort_due_at_ = loop::never;  // a broken transfer's, if nothing is said of it
    loop::Deadline connect_deadline_ = loop::never;
    loop::Deadline backend_connect_deadline_ = loop::never;
    loop::Deadline client_tls_deadline_ = loop::never;
    loop::Deadline end_due_ = loop::never;  // when an upload's end is believed

    DataHandshake backend_handshake_;
    loop::Job dialing_;
    loop::Job relaying_;
};

}  // namespace ballast::session
