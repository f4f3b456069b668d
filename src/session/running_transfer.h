// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/verb.h"
#include "loop/loop.h"
#include "session/transfer_terms.h"

#include <cstdint>
#include <optional>

namespace ballast::session {

/// How far a running transfer has come.
struct TransferProgress {
    TransferPhase phase = TransferPhase::opening;
    ftp::Direction direction = ftp::Direction::none;
    std::uint64_t bytes = 0;            ///< delivered so far
    std::optional<std::uint64_t> size;  ///< if the backend announced it
    std::optional<loop::Time> moving_since;
    std::uint32_t pauses = 0;  ///< times without a byte, of a second or longer
    loop::Time::duration paused{};
};

/// A transfer, as operators see it. On the session's thread.
class RunningTransfer {
public:
    virtual ~RunningTransfer() = default;
    [[nodiscard]] virtual TransferProgress progress() const = 0;
    /// An operator ends it: the client gets 426, and its session goes on.
    virtual void end_by_operator() = 0;
};

}  // namespace ballast::session
