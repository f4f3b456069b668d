// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "guard/bandwidth.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "pool/transfer_scope.h"
#include "session/file_facts.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::session {

/// Whether and how a transfer may go on with another backend.
struct MoveTerms {
    bool is_allowed = false;  ///< a download that can be gone on with: see `failover`
    bool is_file = false;     ///< otherwise a listing
    bool is_binary = false;   ///< TYPE I: the bytes can be counted
    bool trusts = false;      ///< `failover_trust`
    loop::Time::duration timeout{};
    std::uint64_t sample_bytes = 0;  ///< `failover_samples`
    std::string path;                ///< as the client named the file
    FileFacts facts;                 ///< as far as they are known
};

/// What a transfer needs of its session when its backend is lost.
class OtherBackends {
public:
    OtherBackends() = default;
    virtual ~OtherBackends() = default;
    OtherBackends(const OtherBackends&) = delete;
    OtherBackends& operator=(const OtherBackends&) = delete;

    /// The probes say that the present backend is down.
    [[nodiscard]] virtual bool is_down() const = 0;
    /// The administrator wants transfers moved away from the present backend.
    [[nodiscard]] virtual bool is_to_move() const = 0;
    /// The client has said ABOR while another backend was looked for.
    [[nodiscard]] virtual bool take_abort() = 0;

    /// Why a transfer leaves a backend.
    enum class Left : std::uint8_t { lost, differs, down, drained };
    /// Gives up the place on the present backend. The leg lives on until `go_there`.
    virtual void leave(std::string_view why, Left left) = 0;
    /// Finds a backend that this transfer has not tried, logs the session in there and brings it to
    /// its state. The session does not use it before `go_there`. The error says why there is none.
    [[nodiscard]] virtual loop::Task<std::expected<backend::Leg*, std::string>> find(
        loop::Deadline until, bool may_wait) = 0;
    struct Traffic {
        std::shared_ptr<pool::ByteCount> bytes;  ///< where they are counted
        guard::Throttle throttle;
    };
    /// The session goes on with the one that was found. Returns what holds for the traffic there.
    [[nodiscard]] virtual Traffic go_there() = 0;
    /// The transfer goes on there: after `bytes`, and after this time without any.
    virtual void resumed(std::uint64_t bytes, loop::Time::duration pause) = 0;
    /// The command was sent to the one that was found, or it failed before: its own time limits
    /// hold from now on, not that of the search.
    virtual void end_trying() = 0;
    /// It does not suit the transfer. The session keeps it if it has no other.
    virtual void pass_over() = 0;
    /// What was learnt about the file.
    virtual void learn(const FileFacts& facts) = 0;
};

}  // namespace ballast::session
