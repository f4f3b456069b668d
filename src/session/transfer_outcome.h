// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "ftp/verb.h"
#include "session/transfer_terms.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace ballast::session {

/// How the session goes on after a transfer. If several apply, the last one counts.
enum class AfterTransfer : std::uint8_t {
    session_goes_on,
    backend_lost,  ///< its leg cannot be used any more
    service_over,  ///< the last reply was a 421: nothing follows it
    client_lost,   ///< a reply could not be delivered
};

struct TransferOutcome {
    TransferResult result = TransferResult::failed;
    TransferReason cause = TransferReason::none;
    std::string reason;                        ///< in words; empty if whole
    base::Blame fault = base::Blame::ballast;  ///< if it failed
    ftp::Direction direction = ftp::Direction::none;
    std::uint64_t bytes = 0;  ///< delivered to the receiving side
    std::chrono::steady_clock::duration time{};
    TransferReach reach = TransferReach::nowhere;
    AfterTransfer after = AfterTransfer::session_goes_on;
};

}  // namespace ballast::session
