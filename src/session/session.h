// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/access.h"
#include "backend/leg.h"
#include "base/log.h"
#include "base/token_bucket.h"
#include "config/config.h"
#include "guard/ledger.h"
#include "loop/job.h"
#include "loop/recall.h"
#include "net/client_hello.h"
#include "net/network.h"
#include "net/proxy_header.h"
#include "pool/pool.h"
#include "session/client_data.h"
#include "session/client_leg.h"
#include "session/dialog.h"
#include "session/feature_set.h"
#include "session/journal.h"
#include "session/pools.h"
#include "session/public_names.h"
#include "session/route.h"

#include <atomic>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::session {

class SealedData;
struct Outcome;

/// What a session is doing, for logs: a waiting coroutine has no stack to look at.
enum class Phase : std::uint8_t {
    securing,  ///< in a TLS handshake
    greeting,
    idle,
    choosing,
    queued,  ///< for a seat
    working,
    in_transfer,
    sealed,  ///< passed through: nobody here can tell
    closing,
};
[[nodiscard]] std::string_view to_string(Phase phase);

/// What one worker carries, read by all when a new client comes.
struct Load {
    std::atomic<std::uint32_t> sessions = 0;
    std::atomic<std::uint32_t> transfers = 0;
};

/// What a session needs of the daemon. Everything outlives the session.
struct Surroundings {
    net::Network& network;
    const config::Listener& listener;
    const Pools& pools;
    std::shared_ptr<const net::TlsServer> tls;  ///< null if the listener offers none
    bool begins_with_tls = false;               ///< implicit TLS
    Load& load;
    guard::Ledger& ledger;
    const PublicNames& public_names;
    guard::Ledger::Held accepted = {};          ///< its place among all sessions
    std::optional<base::Address> reached = {};  ///< where the client connected to, as a proxy says
    std::optional<base::Address> proxy = {};    ///< that the client came through
};

/// One client's session: its control connection, its login on a backend, its transfers. Lives and
/// dies on one loop's thread; owned by the worker, who is told when it has ended and may destroy it
/// at any time, which closes everything.
class Session {
public:
    /// `ended` is called from within the session's last step: destroy the session later.
    using Ended = std::move_only_function<void()>;
    Session(Surroundings surroundings, std::unique_ptr<net::Stream> client, std::string id,
            Ended ended);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void start();
    /// The daemon ends: an idle session says 421 at once, one in a transfer after it.
    void stop();

    [[nodiscard]] Phase phase() const { return phase_; }
    [[nodiscard]] const std::string& id() const { return id_; }

private:
    [[nodiscard]] loop::Task<> run();
    [[nodiscard]] loop::Task<> live();
    [[nodiscard]] loop::Task<bool> let_in();
    [[nodiscard]] bool comes_from_ourselves() const;
    void lend_place();
    void lend_seat();
    void keep_seat();
    [[nodiscard]] bool gives_way();
    [[nodiscard]] loop::Task<> serve();
    [[nodiscard]] loop::Task<> take_turn();
    [[nodiscard]] loop::Task<std::optional<ClientEvent>> await_event();
    [[nodiscard]] loop::Task<> hear_backend(base::Result<ftp::Reply> said);
    [[nodiscard]] loop::Task<> perform(ftp::Command command);
    [[nodiscard]] loop::Task<> refuse_command(const ftp::Command& command);
    [[nodiscard]] loop::Task<> refuse_line(ftp::CommandError problem);
    [[nodiscard]] loop::Task<> forward(ftp::Command command);
    [[nodiscard]] loop::Task<> quit();
    [[nodiscard]] loop::Task<> reinitialize();
    void forget_login();
    /// HOST is not part of a log-in: it stays.
    void forget_login_but_host();
    [[nodiscard]] loop::Task<> abort_nothing();

    // feat.cpp
    [[nodiscard]] Surveys surveys_ahead() const;
    [[nodiscard]] loop::Task<std::shared_ptr<const backend::Survey>> survey_own_backend();
    [[nodiscard]] loop::Task<> answer_features();

    // security.cpp
    [[nodiscard]] loop::Task<> start_tls();
    /// False if the handshake failed: the session is over.
    [[nodiscard]] loop::Task<bool> secure_control();
    [[nodiscard]] loop::Task<> leave_tls();
    void refresh_ticket();
    void welcome_data();

    // passthrough.cpp
    /// `auth` is the client's line; empty: implicit TLS.
    [[nodiscard]] loop::Task<> pass_through(std::string auth);
    [[nodiscard]] loop::Task<std::optional<net::ClientHello>> hear_hello();
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> try_sealed();
    [[nodiscard]] loop::Task<> carry_sealed();
    void break_sealed();
    void report_sealed_data(const SealedData& data);
    [[nodiscard]] loop::Task<> send_alert(net::Alert alert, std::string_view reason);

    // login.cpp
    [[nodiscard]] loop::Task<> log_in(ftp::Command user);
    [[nodiscard]] bool may_say_user_again(const Routing& routing) const;
    [[nodiscard]] std::string user_line_to_backend() const;
    [[nodiscard]] loop::Task<std::optional<ftp::Reply>> say_user_again();
    [[nodiscard]] loop::Task<bool> await_login_turn();
    [[nodiscard]] Routing route_user(const ftp::Command& user) const;
    [[nodiscard]] loop::Task<> refuse_unrouted(Routing routing, std::string_view name);
    [[nodiscard]] std::optional<guard::Limit> ban_of(std::string_view pool,
                                                     std::string_view user) const;
    [[nodiscard]] loop::Task<> refuse_banned(guard::Limit ban, std::string_view name);
    [[nodiscard]] loop::Task<> end_for_attempts();
    void count_failed_login(std::string_view pool, std::string_view user);
    [[nodiscard]] loop::Task<> refuse_user(ftp::Reply reply);
    [[nodiscard]] std::optional<ftp::Reply> take_user_place();
    [[nodiscard]] loop::Task<> credential(ftp::Command command);
    /// What a backend, chosen now, answers to USER; empty: there is none and the client was told.
    [[nodiscard]] loop::Task<std::optional<ftp::Reply>> choose_backend();
    [[nodiscard]] loop::Task<std::expected<pool::Seat, pool::Refusal>> wait_for_seat();
    void hear_waiting_client();
    [[nodiscard]] bool has_room_to_hear() const;
    [[nodiscard]] bool fall_back(pool::Refusal refusal);
    [[nodiscard]] backend::Contact contact_of_seat() const;
    [[nodiscard]] net::ProxyFacts facts() const;
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> try_backend();
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> try_leg();
    [[nodiscard]] loop::Task<> retry_login(ftp::Command password, base::Error error);
    [[nodiscard]] loop::Task<> log_in_again(ftp::Command password);
    [[nodiscard]] loop::Task<> follow_login(ftp::Command command, ftp::Reply reply);
    [[nodiscard]] loop::Task<bool> replay_client_lines();
    void give_up_backend(const base::Error& error);
    void leave_backend();

    // data.cpp
    [[nodiscard]] std::expected<base::Ip, ftp::Reply> passive_address(
        const ftp::Command& command) const;
    [[nodiscard]] loop::Task<> passive(ftp::Command command);
    [[nodiscard]] loop::Task<std::optional<ftp::Reply>> pass_on(const ftp::Command& command);
    [[nodiscard]] loop::Task<std::optional<base::Error>> prepare_data();
    [[nodiscard]] bool is_behind_nat(const base::Ip& named) const;
    [[nodiscard]] bool may_name(const base::Ip& address) const;
    void forget_data();
    [[nodiscard]] loop::Task<> active(ftp::Command command);
    [[nodiscard]] loop::Task<> restart(ftp::Command command);
    [[nodiscard]] loop::Task<> pass_restart_on(ftp::Command command);
    [[nodiscard]] std::optional<std::uint64_t> take_restart(const ftp::Command& command,
                                                            bool tentative);
    void forget_restart(const ftp::Command& command);
    [[nodiscard]] loop::Task<> transfer(ftp::Command command, bool tentative);
    [[nodiscard]] guard::Throttle throttle();

    [[nodiscard]] loop::Task<> refuse_data(const ftp::Command& command, ftp::Reply reply);
    [[nodiscard]] loop::Task<> refuse_data(const ftp::Command& command, std::uint16_t code,
                                           std::string_view text);

    [[nodiscard]] loop::Task<> answer(ftp::Reply reply);
    [[nodiscard]] loop::Task<> answer(std::uint16_t code, std::string_view text);
    /// Nothing more is done for this client. The first reason is the one that the log tells.
    void end_because(std::string_view reason);
    /// RFC 959 5.4: a backend may answer any command with 421, and closes.
    void heed_farewell(const ftp::Reply& reply);
    /// Says why (421) and ends the session.
    [[nodiscard]] loop::Task<> end_with(std::string_view why);
    [[nodiscard]] loop::Task<> lose_backend(const base::Error& error);
    [[nodiscard]] loop::Deadline idle_deadline() const;
    /// Where the client connected to, as it sees it.
    [[nodiscard]] base::Address reached() const {
        return surroundings_.reached.value_or(client_.local());
    }
    /// What the backend knows the user by that the logs name.
    [[nodiscard]] std::string user_at_backend() const;

    // telling.cpp
    enum class Repeats : std::uint8_t { bounded, all };
    void report(log::Level level, std::string_view message,
                std::initializer_list<log::Field> fields = {},
                Repeats repeats = Repeats::bounded) const;
    void report_login_refused(const ftp::Reply& reply, std::string_view name,
                              std::string_view reason, std::string_view secret = {}) const;
    void report_command_refused(const ftp::Command& command, const ftp::Reply& reply) const;
    void report_own_refusal(const ftp::Command& command) const;
    void report_transfer(const ftp::Command& command, const std::string& file,
                         const Outcome& outcome);
    void report_no_backend(pool::Refusal refusal, std::string_view last_reason) const;
    void report_ban(guard::Limit ban, std::string_view user) const;
    void report_end(std::string_view backend) const;
    void reached(guard::Limit limit) const;
    void reached(std::string_view limit, std::string_view key, std::uint64_t value,
                 std::string_view cure) const;

    Surroundings surroundings_;
    const config::Listener& settings_;
    const std::string id_;
    Ended ended_;

    loop::Signal signal_;
    net::TlsBond bond_;
    std::string certificate_subject_;  // of the client
    ClientLeg client_;
    const PoolAccess* pool_ = nullptr;  // where USER was routed, or that pool's fallback
    std::string routed_pool_;
    std::string host_;  // HOST, or what the user's name said in its place
    pool::Seat seat_;
    std::shared_ptr<loop::Recall> seat_recall_;  // while the seat is on loan
    std::unique_ptr<backend::Leg> backend_;
    /// Of a client that is passed through, instead of `backend_`.
    struct Sealed {
        std::string auth;
        std::unique_ptr<net::Stream> backend;
    };
    std::optional<Sealed> sealed_;
    std::vector<pool::BackendId> tried_;  // in this login

    guard::Ledger::Held entered_;  // its place among the sessions of its address
    std::shared_ptr<loop::Recall> recall_;
    guard::Ledger::Held on_loan_;     // that place, until it has logged in
    guard::Ledger::Held user_place_;  // likewise of its user
    std::optional<base::TokenBucket> commands_;
    std::uint32_t commands_taken_ = 0;
    std::shared_ptr<guard::Bandwidth> bandwidth_;  // its own; null: no limit

    Dialog dialog_;
    Journal journal_;
    ClientData client_data_;
    std::uint64_t lease_holder_ = 0;
    std::string user_line_;
    std::string user_;                                  // of that line
    std::chrono::steady_clock::duration login_time_{};  // that the backend took, so far
    std::uint32_t failed_logins_ = 0;
    std::uint32_t login_attempts_ = 0;     // USERs since the last log-in
    std::uint32_t connections_begun_ = 0;  // to backends, for log-ins
    bool has_logged_in_ = false;           // at some time
    bool password_is_lost_ = false;        // a backend went away at PASS or ACCT, in this login
    bool restart_is_said_ = false;   // by the client to an `as-client` backend, for its next file
    bool host_was_refused_ = false;  // by the present backend
    bool has_named_user_ = false;    // the journal's user has logged in
    loop::Deadline login_deadline_;
    Phase phase_ = Phase::greeting;
    loop::Time began_at_;
    std::uint64_t bytes_moved_ = 0;     // by its transfers that have ended
    std::uint32_t transfers_done_ = 0;  // likewise
    std::string end_reason_;
    bool is_over_ = false;
    bool stop_wanted_ = false;

    loop::Job job_;
};

}  // namespace ballast::session
