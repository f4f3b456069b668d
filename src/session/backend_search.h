// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "session/context.h"
#include "session/login.h"
#include "session/placement.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace ballast::session {

/// A session's search for another backend of its pool, with the same user and the same state there.
/// Says nothing to the client. Lives on the session's thread, from the loss of a backend, or the
/// wish to leave it, until the session goes on with another one or ends.
class BackendSearch : private WaitingClient, private Introduction {
public:
    /// Context and login outlive it.
    BackendSearch(Context& context, Login& login, ServedPool pool)
        : context_(context),
          login_(login),
          pool_(std::move(pool)),
          placement_(context, *this, *this) {}

    /// Who waits for its result.
    enum class For : std::uint8_t {
        idle,     ///< nobody; the client may say something meanwhile
        command,  ///< the client has said something and waits for its reply
        data,     ///< a transfer
    };
    struct Bounds {
        std::vector<pool::BackendId> without;
        std::optional<pool::BackendId> only = {};
        loop::Deadline until;
        /// Wait for one to come back, or for a place on one. Otherwise only those count that can be
        /// had now.
        bool may_wait = true;
    };
    /// The session's present assignment stays. The error says why there is none.
    [[nodiscard]] loop::Task<std::expected<Assignment, std::string>> run(For whom, Bounds bounds);

    [[nodiscard]] const ServedPool& pool() const { return pool_; }
    /// What the client's side said against going on. Empty: nothing.
    [[nodiscard]] const std::optional<WaitEnd>& end() const { return end_; }
    /// How long the one that was found took for the login.
    [[nodiscard]] loop::Time::duration login_time() const { return login_time_; }

    /// It searches, or a transfer tries the one that was found.
    [[nodiscard]] bool is_on() const { return is_on_; }
    /// The transfer has sent its command to the one that was found, or will not.
    void end_trying();
    /// Whether everything that waits for a backend shall give up. Asked whenever the session's
    /// signal is raised. Defers what the client says meanwhile.
    [[nodiscard]] bool is_in_vain();

private:
    void begin(For whom, const Bounds& bounds);
    [[nodiscard]] loop::Task<> pause();
    [[nodiscard]] std::string why_none(const Unplaced& why) const;
    [[nodiscard]] loop::Task<> wake_at_deadline();
    [[nodiscard]] bool shall_stop() const;

    // The client while it waits
    [[nodiscard]] bool hear() override { return context_.client.hear(); }
    void watch() override { context_.client.watch_to_hear(); }
    [[nodiscard]] bool wants_to_quit() const override;
    [[nodiscard]] bool wants_to_abort() const override;
    [[nodiscard]] loop::Deadline deadline() const override;
    [[nodiscard]] bool may_queue() const override { return may_wait_; }
    [[nodiscard]] bool is_urgent() const override;
    [[nodiscard]] bool heeds_stop() const override;
    /// Connects, logs in and replays the journal.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> introduce(Assignment& assignment) override;

    Context& context_;
    Login& login_;
    const ServedPool pool_;
    Placement placement_;
    For for_ = For::idle;
    bool is_on_ = false;
    bool may_wait_ = true;
    bool was_refused_ = false;  // by a backend that answers: another try would change nothing
    std::optional<WaitEnd> end_;
    loop::Deadline until_ = loop::never;
    mutable loop::Deadline client_until_ = loop::never;  // from its first word on
    loop::Time::duration login_time_{};
    loop::Job alarm_;
};

}  // namespace ballast::session
