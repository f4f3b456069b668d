// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/choice.h"
#include "session/context.h"

#include <cassert>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ballast::session {

/// Why the client's side ended the wait for a backend.
enum class WaitEnd : std::uint8_t {
    client_left,
    client_quits,
    service_stops,
    place_needed,   ///< the session's place was recalled
    too_late,       ///< its deadline passed
    client_aborts,  ///< it said ABOR in a transfer
};

/// A client that waits for a backend.
class WaitingClient {
public:
    WaitingClient() = default;
    virtual ~WaitingClient() = default;
    WaitingClient(const WaitingClient&) = delete;
    WaitingClient& operator=(const WaitingClient&) = delete;

    /// Reads and keeps what the client says. False: the client has left.
    [[nodiscard]] virtual bool hear() = 0;
    /// The client has said QUIT.
    [[nodiscard]] virtual bool wants_to_quit() const = 0;
    /// Raises the session's signal when the client says more.
    virtual void watch() = 0;
    /// The client has said ABOR.
    [[nodiscard]] virtual bool wants_to_abort() const { return false; }
    /// How long it waits. May change at any time.
    [[nodiscard]] virtual loop::Deadline deadline() const = 0;
    /// It may wait in a pool's queue.
    [[nodiscard]] virtual bool may_queue() const { return true; }
    /// It ends when the service stops.
    [[nodiscard]] virtual bool heeds_stop() const { return true; }
    /// It waits for a reply or for data. An idle client does not notice.
    [[nodiscard]] virtual bool is_urgent() const { return true; }
};

/// Connects a client to a chosen backend.
class Introduction {
public:
    Introduction() = default;
    virtual ~Introduction() = default;
    Introduction(const Introduction&) = delete;
    Introduction& operator=(const Introduction&) = delete;

    /// Connects to the backend of the assignment's seat and sends the first commands. The returned
    /// reply is for the client. On an error the next backend is tried. The error's fault says
    /// whether it counts against this backend.
    [[nodiscard]] virtual loop::Task<base::Result<ftp::Reply>> introduce(
        Assignment& assignment) = 0;
};

/// A backend that has answered.
struct Placed {
    Assignment assignment;
    ftp::Reply reply;
    loop::Time::duration time;  ///< taken by the backend
};

/// Why no backend was found.
using Unplaced = std::variant<pool::Refusal, WaitEnd>;
/// For the client, and for the log.
[[nodiscard]] std::string text_of(const Unplaced& why);

/// Finds a backend for a session: chooses, queues, falls back to another pool, connects and tries
/// the next one. Says nothing to the client. Remembers failed backends from `begin` to `end`.
class Placement {
public:
    /// All references outlive the placement.
    Placement(Context& context, WaitingClient& client, Introduction& introduction)
        : context_(context), client_(client), introduction_(introduction) {}

    /// For a new login: every backend of this pool may be tried.
    void begin(const ServedPool& pool, std::string user);
    /// For another user of the same pool, or of the pool that the session is in.
    void begin_again(std::string user);
    /// The session keeps its backend. Most sessions never need another.
    void end() { search_.reset(); }
    /// For a session that moves inside its pool, whose files it has seen: no fallback, and none of
    /// the backends in `without`. If `only` is given, no other one. The pool's pace for such
    /// sessions counts, not the limits on logins.
    void begin_move(const ServedPool& pool, std::string user, std::vector<pool::BackendId> without,
                    std::optional<pool::BackendId> only);
    [[nodiscard]] loop::Task<std::expected<Placed, Unplaced>> find();
    /// This backend could not serve the login and is not tried again for it. A fault of the backend
    /// counts against its health. After a fault of ours, the backend does not count as tried.
    /// `time` was taken by the backend so far.
    void give_up(Assignment assignment, const base::Error& error, loop::Time::duration time);

    /// Counts the connections to backends that the whole session has begun.
    [[nodiscard]] std::uint32_t connections_begun() const { return connections_begun_; }
    /// Why the last one failed; empty: none was tried. Call it before `end`.
    [[nodiscard]] const std::string& last_reason() const {
        assert(search_);
        return search_->last_reason;
    }

private:
    [[nodiscard]] std::optional<WaitEnd> interruption();
    [[nodiscard]] loop::Task<std::optional<WaitEnd>> await_turn();
    [[nodiscard]] loop::Task<std::expected<pool::Seat, Unplaced>> find_seat(
        std::vector<pool::BackendId>& passed_over);
    [[nodiscard]] loop::Task<std::expected<pool::Seat, Unplaced>> wait_for_seat(
        std::vector<pool::BackendId> without);
    [[nodiscard]] bool fall_back(pool::Refusal refusal);
    [[nodiscard]] std::expected<pool::Seat, pool::Refusal> choose(
        const std::vector<pool::BackendId>& without);
    void report_none(pool::Refusal refusal);
    void tell(const pool::Choice& choice, std::string_view chosen);
    void tell_connection(const Assignment& assignment, loop::Time::duration time);

    Context& context_;
    WaitingClient& client_;
    Introduction& introduction_;
    struct Search {
        ServedPool pool;  ///< the last one that was asked: that of `begin`, or its fallback
        std::string user;
        std::vector<pool::BackendId> tried = {};  ///< and others that are not to be tried
        std::optional<pool::BackendId> only = {};
        std::string last_reason = {};
        bool is_move = false;
    };
    std::unique_ptr<Search> search_;
    std::uint32_t connections_begun_ = 0;
};

}  // namespace ballast::session
