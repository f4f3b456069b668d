// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/kept_secret.h"
#include "session/context.h"
#include "session/placement.h"
#include "session/route.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

/// A session's login: the user's name, the route, and the backend's answers. Chooses a backend at
/// USER. Tries the next one while the client has seen nothing of the first. Follows the backend's
/// replies on who is logged in. The only owner of the user, the host and the route.
class Login : private WaitingClient, private Introduction {
public:
    /// The context outlives it.
    explicit Login(Context& context) : context_(context), placement_(context, *this, *this) {}

    /// HOST, RFC 7151: applies from the next USER on.
    void hear_host(std::string host) { host_said_ = std::move(host); }
    [[nodiscard]] const std::string& host_said() const { return host_said_; }

    /// USER: all facts that decide the route are known. A second USER before login is routed again.
    [[nodiscard]] loop::Task<> log_in(ftp::Command user);
    /// PASS, ACCT, and USER after login.
    [[nodiscard]] loop::Task<> credential(ftp::Command command);
    /// REIN: returns to the state after the greeting and leaves the backend.
    void forget();
    /// AUTH. HOST is not part of a login, so it stays.
    void forget_but_host();

    /// The last user that was named and not refused, as the pool was asked for it.
    [[nodiscard]] const std::string& user() const { return user_; }
    /// The pool that the user's route leads to. The backend may belong to that pool's fallback.
    [[nodiscard]] const std::string& routed_pool() const { return routed_pool_; }

    // The same login on another backend

    /// Why it cannot be repeated. Empty: it can.
    [[nodiscard]] std::string replay_gap() const;
    /// Connects, and sends HOST, USER and PASS as before. Says nothing to the client. A refusal has
    /// the fault `backend_refused`.
    [[nodiscard]] loop::Task<base::Result<>> log_in_elsewhere(Assignment& assignment);

private:
    [[nodiscard]] Routing route_user(const ftp::Command& user) const;
    [[nodiscard]] bool leads_to_present_pool(const Routing& routing) const;
    [[nodiscard]] bool may_say_user_again(const Routing& routing) const;
    [[nodiscard]] std::string user_line_for(const config::Pool& pool) const;
    [[nodiscard]] loop::Task<std::optional<ftp::Reply>> say_user_again();
    [[nodiscard]] loop::Task<std::optional<ftp::Reply>> place();
    [[nodiscard]] loop::Task<> tell_unplaced(Unplaced why);
    [[nodiscard]] loop::Task<> credential_of_present(ftp::Command command);
    [[nodiscard]] loop::Task<> retry(ftp::Command password, base::Error error);
    [[nodiscard]] loop::Task<> log_in_again(ftp::Command password);
    [[nodiscard]] loop::Task<> follow(ftp::Command command, ftp::Reply reply);
    [[nodiscard]] loop::Task<bool> accept();
    void tell_login();
    [[nodiscard]] loop::Task<> refuse(const ftp::Command& command, ftp::Reply reply);
    [[nodiscard]] std::optional<ftp::Reply> take_user_place();
    [[nodiscard]] loop::Task<bool> replay_client_lines();
    [[nodiscard]] loop::Task<> refuse_unrouted(Routing routing, std::string_view name);
    [[nodiscard]] std::optional<guard::Limit> ban_of(std::string_view pool,
                                                     std::string_view user) const;
    [[nodiscard]] loop::Task<> refuse_banned(guard::Limit ban, std::string_view name);
    [[nodiscard]] loop::Task<> refuse_user(ftp::Reply reply);
    void lend_seat();
    void keep_login(const ftp::Command& command);

    // The client, while it waits for a backend
    [[nodiscard]] bool hear() override { return context_.client.hear(); }
    [[nodiscard]] bool wants_to_quit() const override {
        return context_.client.has_deferred("QUIT");
    }
    void watch() override { context_.client.watch_to_hear(); }
    [[nodiscard]] loop::Deadline deadline() const override { return context_.login_deadline; }
    /// Connects, and sends HOST and USER. A 421 is an error like a refused connection, because the
    /// next backend may have room.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> introduce(Assignment& assignment) override;

    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> name_user(Assignment& assignment);

    Context& context_;
    Placement placement_;
    std::string host_said_;
    std::string host_;  // of this login: from HOST, or from the user's name
    std::string routed_pool_;
    std::string user_line_;
    std::string user_;                // from that line
    guard::Ledger::Held user_place_;  // the user's count of sessions
    loop::Time::duration time_{};     // taken by the backend so far
    std::uint32_t failed_ = 0;
    std::uint32_t attempts_ = 0;     // USERs since the last login
    base::KeptSecret password_;      // the line with it, for another backend; empty: none
    std::string_view unkept_;        // why the login cannot be repeated; empty: it can
    bool has_logged_in_ = false;     // at any time
    bool has_named_user_ = false;    // the user in the context's identity has logged in
    bool password_is_lost_ = false;  // a backend closed at PASS or ACCT, in this login
    bool host_was_refused_ = false;  // by the present backend
};

}  // namespace ballast::session
