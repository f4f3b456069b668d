// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

#include <cstdint>
#include <expected>
#include <string>
#include <variant>
#include <vector>

namespace ballast::session {

/// Why a wait for a backend ended on the client's side.
enum class WaitEnd : std::uint8_t {
    client_left,
    client_quits,
    service_stops,
    place_needed,  ///< the session's place was recalled
    too_late,      ///< for the log-in
};

/// A client that waits for a backend.
class WaitingClient {
public:
    WaitingClient() = default;
    virtual ~WaitingClient() = default;
    WaitingClient(const WaitingClient&) = delete;
    WaitingClient& operator=(const WaitingClient&) = delete;

    /// Takes in what it says, and keeps it. False: it has left.
    [[nodiscard]] virtual bool hear() = 0;
    /// It has said that it wants to leave.
    [[nodiscard]] virtual bool wants_to_quit() const = 0;
    /// Has the session's signal raised when it says more.
    virtual void watch() = 0;
};

/// How a chosen backend is made the client's.
class Introduction {
public:
    Introduction() = default;
    virtual ~Introduction() = default;
    Introduction(const Introduction&) = delete;
    Introduction& operator=(const Introduction&) = delete;

    /// Connects to the backend of the assignment's seat, and says what comes first. The reply is
    /// the client's to hear. On an error the next backend is tried; the error's fault says what it
    /// tells of this one.
    [[nodiscard]] virtual loop::Task<base::Result<ftp::Reply>> introduce(
        Assignment& assignment) = 0;
};

/// A backend that has answered.
struct Placed {
    Assignment assignment;
    ftp::Reply reply;
    loop::Time::duration time;  ///< that the backend took
};

/// Why there is none.
using Unplaced = std::variant<pool::Refusal, WaitEnd>;

/// Finds a session its backend: chooses, queues, falls back to another pool, connects, and tries
/// the next one. Says nothing to the client. What was tried in vain is remembered until `begin`.
class Placement {
public:
    /// All of these outlive it.
    Placement(Context& context, WaitingClient& client, Introduction& introduction)
        : context_(context), client_(client), introduction_(introduction) {}

    /// A new log-in: every backend of this pool may be tried.
    void begin(const ServedPool& pool, std::string user);
    /// The same pool for another user.
    void begin_again(std::string user);
    [[nodiscard]] loop::Task<std::expected<Placed, Unplaced>> find();
    /// This backend could not serve the log-in, and is not tried again for it. That is held against
    /// its health if it is the backend's fault. If it is ours the backend was not really tried.
    void give_up(Assignment assignment, const base::Error& error);

    /// The pool that was asked last: that of `begin`, or its fallback.
    [[nodiscard]] const ServedPool& pool() const { return pool_; }
    /// How many connections to backends were begun, in the whole session.
    [[nodiscard]] std::uint32_t connections_begun() const { return connections_begun_; }

private:
    [[nodiscard]] std::optional<WaitEnd> interruption();
    [[nodiscard]] loop::Task<std::optional<WaitEnd>> await_turn();
    [[nodiscard]] loop::Task<std::expected<pool::Seat, Unplaced>> find_seat(
        std::vector<pool::BackendId>& passed_over);
    [[nodiscard]] loop::Task<std::expected<pool::Seat, Unplaced>> wait_for_seat(
        std::vector<pool::BackendId> without);
    [[nodiscard]] bool fall_back(pool::Refusal refusal);
    void report_none(pool::Refusal refusal) const;

    Context& context_;
    WaitingClient& client_;
    Introduction& introduction_;
    ServedPool pool_;
    std::string user_;
    std::vector<pool::BackendId> tried_;
    std::string last_reason_;  // that the last one failed; empty: none was tried
    std::uint32_t connections_begun_ = 0;
};

}  // namespace ballast::session
