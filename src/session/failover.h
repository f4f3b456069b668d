// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "session/context.h"
#include "session/file_facts.h"
#include "session/login.h"
#include "session/placement.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::session {

/// Why a session moves to another backend.
enum class MoveCause : std::uint8_t {
    lost,        ///< the connection to the backend, or its answer
    down,        ///< by the backend's probes
    drained,     ///< by the administrator
    disabled,    ///< by the administrator
    rebalanced,  ///< the other backend has fewer sessions
};
[[nodiscard]] std::string_view to_string(MoveCause cause);

/// Moves a session to another backend of its pool: logs the same user in there and replays the
/// journal. The client sees nothing but a pause. It belongs to the session and lives on its thread.
class Failover : private WaitingClient, private Introduction {
public:
    /// Both outlive it.
    Failover(Context& context, Login& login);

    /// The pool's setting lets sessions outlive their backends, and the user is logged in.
    [[nodiscard]] bool is_wanted() const;
    /// The same for downloads.
    [[nodiscard]] bool moves_transfers() const;
    /// Why the session cannot be moved. Empty: it can.
    [[nodiscard]] std::string obstacle() const;

    /// The backend is lost. True: the session goes on with another one, in its former state, and
    /// the client was told nothing. False: it has ended as it would have without failover.
    [[nodiscard]] loop::Task<bool> survive(base::Error error);
    /// The same for a backend that ends the session with this 421.
    [[nodiscard]] loop::Task<bool> survive(const ftp::Reply& farewell);

    // Between two commands

    /// Why the session should leave a backend that still answers, if it should.
    [[nodiscard]] std::optional<MoveCause> wish() const;
    /// When to look at the wish again, after it could not be fulfilled.
    [[nodiscard]] loop::Deadline look_at() const {
        return not_before_ > context_.now() ? not_before_ : loop::never;
    }
    /// Moves the session as it wishes. False: it stays, because there is no other backend for it
    /// now, or because the client's connection or the service ends.
    [[nodiscard]] loop::Task<bool> leave(MoveCause cause);

    // For a transfer

    /// Remembers what the backend says about a file, for a download that may follow.
    void hear(const ftp::Command& command, const ftp::Reply& reply);
    [[nodiscard]] KnownFiles& known_files() { return known_files_; }

    /// What a transfer needs of another backend.
    struct Search {
        std::vector<pool::BackendId> without;
        loop::Deadline until;
        /// Wait for one to come back, or for a place on one. Otherwise only those count that can be
        /// had now.
        bool may_wait = true;
    };
    /// Counts a loss. False: there were too many in a short time, as if its commands were what
    /// kills the backends.
    [[nodiscard]] bool may_lose_another();
    static constexpr std::string_view too_many_losses =
        "the session has lost too many backends in a short time";
    /// A backend with the session's user and state. Says nothing to the client. The session's
    /// present assignment stays. The error says why there is none.
    [[nodiscard]] loop::Task<std::expected<Assignment, std::string>> find(Search search);
    /// The transfer has sent its command to the one that was found, or will not.
    void end_trying() {
        is_trying_ = false;
        alarm_.cancel();
    }
    /// The session goes on with this one.
    void settle(Assignment assignment, MoveCause cause, std::string_view from, loop::Time since);
    /// Gives up the place on the present backend. The leg is not in use any more, but others may
    /// still refer to it.
    [[nodiscard]] std::unique_ptr<backend::Leg> leave_lost();
    /// Like `survive`, after a transfer that may have left the backend already.
    [[nodiscard]] loop::Task<bool> survive_transfer(base::Error error);

private:
    enum class Waits : std::uint8_t {
        idle,         ///< the client may say something meanwhile
        for_command,  ///< the client has said something and waits for its reply
        for_data,     ///< a transfer
    };
    [[nodiscard]] loop::Task<std::expected<Assignment, std::string>> search(Waits waits,
                                                                            Search search);
    [[nodiscard]] loop::Task<bool> survive(base::Error error, bool is_idle);
    [[nodiscard]] loop::Task<bool> go_on(Waits waits, const base::Error& error);
    [[nodiscard]] bool gives_up(pool::BackendId id);
    [[nodiscard]] bool is_in_vain();
    [[nodiscard]] std::string why_none(const Unplaced& why) const;
    void note_not_moved(MoveCause cause, std::string_view reason);
    [[nodiscard]] std::vector<pool::BackendId> all_but(std::optional<pool::BackendId> wanted) const;
    [[nodiscard]] loop::Task<> wake_at_deadline();

    // The client while it waits
    [[nodiscard]] bool hear() override { return context_.client.hear(); }
    [[nodiscard]] bool wants_to_quit() const override;
    [[nodiscard]] bool wants_to_abort() const override;
    void watch() override;
    [[nodiscard]] loop::Deadline deadline() const override;
    [[nodiscard]] bool may_queue() const override { return may_wait_; }
    [[nodiscard]] bool is_urgent() const override;
    [[nodiscard]] bool heeds_stop() const override;
    /// Connects, logs in and replays the journal.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> introduce(Assignment& assignment) override;

    Context& context_;
    Login& login_;
    Placement placement_;
    KnownFiles known_files_;
    ServedPool pool_;  // of the search
    struct {
        pool::BackendId id = 0;
        std::string name;
        loop::Time since{};
        bool was_disabled = false;
    } left_;  // the backend that was lost last
    bool is_searching_ = false;
    bool is_trying_ = false;  // a transfer tries the one that was found
    bool may_wait_ = true;
    loop::Time::duration login_time_{};  // of the one that was found
    loop::Job alarm_;
    Waits waits_ = Waits::idle;
    loop::Deadline until_ = loop::never;
    mutable loop::Deadline client_until_ = loop::never;  // from its first word on
    bool was_refused_ = false;  // by a backend that answers: another try would change nothing
    std::optional<WaitEnd> end_;
    loop::Time not_before_{};  // for the next wish
    loop::Time minute_began_;  // in which these losses came
    std::uint32_t losses_ = 0;
};

}  // namespace ballast::session
