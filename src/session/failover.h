// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/backend_search.h"
#include "session/context.h"
#include "session/file_facts.h"
#include "session/login.h"

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
class Failover {
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
    /// The same for a command without an answer, which the caller sends again if this is true. One
    /// that was lost several times may be what kills the backends: then the client gets 451 and
    /// the session goes on. `losses` counts those of this command, from 0.
    [[nodiscard]] loop::Task<bool> survive_command(base::Error error, int& losses);
    /// Whether a command has no answer because its backend is lost, or ends the session with 421.
    [[nodiscard]] std::optional<base::Error> loss_at(const ftp::Command& command,
                                                     const base::Result<ftp::Reply>& reply) const;

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

    /// Counts a loss. False: there were too many in a short time, as if its commands were what
    /// kills the backends.
    [[nodiscard]] bool may_lose_another();
    static constexpr std::string_view too_many_losses =
        "the session has lost too many backends in a short time";
    /// A backend with the session's user and state. Says nothing to the client. The session's
    /// present assignment stays; one that is lost has been left by `leave_lost`. The error says why
    /// there is none.
    [[nodiscard]] loop::Task<std::expected<Assignment, std::string>> find(
        BackendSearch::Bounds bounds);
    /// The transfer has sent its command to the one that was found, or will not.
    void end_trying();
    /// The session goes on with this one.
    void settle(Assignment assignment, MoveCause cause);
    /// Gives up the place on the present backend. The leg is not in use any more, but others may
    /// still refer to it.
    [[nodiscard]] std::unique_ptr<backend::Leg> leave_lost();
    /// Like `survive`, after a transfer that may have left the backend already.
    [[nodiscard]] loop::Task<bool> survive_transfer(base::Error error);
    /// The transfer is over, and with it all that it needed of other backends.
    void end_transfer() { move_.reset(); }

private:
    /// A session on its way from one backend to another.
    struct Move {
        /// From the present backend.
        Move(Context& context, Login& login);

        const pool::BackendId from_id;
        const std::string from;
        loop::Time since;
        bool was_disabled;  ///< the backend that it leaves
        BackendSearch search;
    };
    [[nodiscard]] loop::Task<bool> survive(base::Error error, bool is_idle);
    [[nodiscard]] loop::Task<bool> go_on(BackendSearch::For whom, const base::Error& error);
    [[nodiscard]] loop::Task<> end_session(const std::optional<WaitEnd>& end,
                                           std::string_view reason);
    [[nodiscard]] bool gives_up(pool::BackendId id) const;
    void note_not_moved(MoveCause cause, std::string_view reason);

    Context& context_;
    Login& login_;
    KnownFiles known_files_;
    std::unique_ptr<Move> move_;  // most sessions never move
    loop::Time not_before_{};     // for the next wish
    loop::Time minute_began_;     // in which these losses came
    std::uint32_t losses_ = 0;
};

}  // namespace ballast::session
