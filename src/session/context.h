// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "base/token_bucket.h"
#include "guard/bandwidth.h"
#include "session/assignment.h"
#include "session/client_data.h"
#include "session/client_leg.h"
#include "session/dialog.h"
#include "session/farewells.h"
#include "session/journal.h"
#include "session/phase.h"
#include "session/restart.h"
#include "session/session_place.h"
#include "session/story.h"
#include "session/surroundings.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ballast::session {

/// Who the client is, as the logs name it.
struct Identity {
    std::string user;         ///< the last one that has logged in, or else the one about to
    std::string certificate;  ///< the subject of the client's certificate; empty: it showed none
};

/// Traffic of a session's finished transfers.
struct Totals {
    std::uint64_t bytes = 0;
    std::uint32_t transfers = 0;
};

/// What the parts of one session share: its surroundings, the client's leg, facts about the client,
/// and its backend. A part owns what only that part needs. Lives as long as the session, on its
/// thread.
class Context {
public:
    Context(Surroundings around, std::unique_ptr<net::Stream> stream, std::string session_id);

    Surroundings surroundings;
    const config::Listener& settings;
    const std::string id;
    const loop::Time began_at;
    Story story;

    loop::Signal signal;
    net::TlsBond bond;
    Dialog dialog;
    Identity identity;
    SessionPlace place;
    Assignment assignment;
    ClientLeg client;
    ClientData client_data;
    Journal journal;
    Restart restart;
    loop::Deadline login_deadline;                ///< for the client's login
    std::shared_ptr<guard::Bandwidth> bandwidth;  ///< the session's own; null: no limit
    Totals totals;
    std::string current_command;   ///< in progress, without a password; empty: none
    bool command_is_told = false;  ///< the story has more about it than the command itself
    /// Whether to wait no longer for a backend, for another reason than the administrator's. Asked
    /// when the signal is raised. Empty: never.
    std::function<bool(pool::BackendId)> gives_up = {};

    [[nodiscard]] loop::Loop& loop() const { return signal.loop(); }
    [[nodiscard]] loop::Time now() const { return signal.loop().now(); }
    [[nodiscard]] net::Network& network() const { return surroundings.network; }
    [[nodiscard]] guard::Ledger& ledger() const { return surroundings.ledger; }
    /// The backend's leg. There is one after login.
    [[nodiscard]] backend::Leg& leg() const { return *assignment.leg(); }
    /// The data connections of its backend do not lead through Ballast.
    [[nodiscard]] bool data_is_direct() const {
        return assignment && assignment.settings().data == config::DataPath::direct;
    }
    /// The address that the client connected to, as the client sees it.
    [[nodiscard]] base::Address reached_address() const {
        return surroundings.reached.value_or(client.local());
    }
    /// A backend at this address would lead back to Ballast, in an endless chain of sessions.
    [[nodiscard]] bool comes_from_ourselves() const;
    [[nodiscard]] bool is_logged_in() const { return dialog.login() == Dialog::Login::done; }
    /// Empty: it has no backend.
    [[nodiscard]] std::string_view pool_name() const {
        return assignment ? std::string_view(assignment.settings().name) : std::string_view();
    }
    [[nodiscard]] std::string_view backend_name() const {
        return assignment ? std::string_view(assignment.backend().name) : std::string_view();
    }
    /// The backend's name for the user that the logs name.
    [[nodiscard]] std::string user_at_backend() const;

    [[nodiscard]] Phase phase() const { return phase_; }
    [[nodiscard]] loop::Time phase_since() const { return phase_since_; }
    void set_phase(Phase phase) {
        phase_ = phase;
        phase_since_ = now();
    }

    // The session's end

    /// The daemon stops. An idle session says 421 at once, a busy one after its transfer.
    void stop();
    [[nodiscard]] bool is_stop_wanted() const { return stop_wanted_; }
    /// An operator ends the session, whatever it is doing. The client gets 421.
    void cut();
    [[nodiscard]] bool is_cut() const { return is_cut_; }
    /// Ends the session without a word. The log gets the first reason given.
    void end_because(std::string_view reason);
    [[nodiscard]] bool is_over() const { return is_over_; }
    [[nodiscard]] const std::string& end_reason() const { return end_reason_; }
    /// Says why (421) and ends the session.
    [[nodiscard]] loop::Task<> end_with(std::string_view why);
    /// RFC 959 5.4: a backend may answer any command with 421, and then closes.
    void heed_farewell(const ftp::Reply& reply);
    /// Counts and logs that the backend's connection is lost or unusable.
    void report_loss(const base::Error& error);
    /// The same. The client gets 421 and the session ends.
    [[nodiscard]] loop::Task<> lose_backend(const base::Error& error);

    // What the client is told

    [[nodiscard]] loop::Task<> answer(ftp::Reply reply);
    [[nodiscard]] loop::Task<> answer(std::uint16_t code, std::string_view text);

    // Loans

    void lend_place();
    /// Takes the seat back from loan. If it was recalled, the session leaves the backend.
    void keep_seat();
    /// Whether to end the session of a client that has not logged in and stops reading or stalls
    /// its handshake. Such a client must not delay a stop, nor hold a place or seat that others
    /// need. On a disabled backend nobody waits for any client.
    [[nodiscard]] bool gives_way();
    /// Drops what was set up for the next transfer, on both sides.
    void forget_data();

    // What the log is told

    enum class Repeats : std::uint8_t { bounded, all };
    /// An event that is nobody's fault: level `info` or `debug`.
    void report(log::Level level, std::string_view message,
                std::initializer_list<log::Field> fields = {},
                Repeats repeats = Repeats::bounded) const;
    /// A failure. The line also says what the session was doing.
    void report_fault(base::Blame fault, std::string_view message,
                      std::initializer_list<log::Field> fields = {},
                      Repeats repeats = Repeats::bounded,
                      log::Level level = log::Level::warning) const;
    /// `name` is the user's name as the client said it. `reason` says who refused. The reply's text
    /// may repeat the secret.
    void report_login_refused(const ftp::Reply& reply, std::string_view name,
                              std::string_view reason, std::string_view secret = {});
    void report_command_refused(const ftp::Command& command, const ftp::Reply& reply) const;
    /// For a session that was let in and has left its `backend`. Empty: it had none. Keeps the
    /// story, so call it last.
    void report_end(std::string_view pool, std::string_view backend);
    void reached(guard::Limit limit);
    /// Call it before the client gets the reply. Without a user's name only the address counts.
    void count_failed_login(std::string_view pool, std::string_view user);

private:
    void say(log::Level level, std::string_view message, std::span<const log::Field> fields,
             Repeats repeats) const;
    void report_ban(guard::Limit ban, std::string_view user);

    Phase phase_ = Phase::greeting;
    loop::Time phase_since_;
    std::string end_reason_;
    bool is_over_ = false;
    bool stop_wanted_ = false;
    bool is_cut_ = false;
};

}  // namespace ballast::session
