// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "ftp/verb.h"
#include "session/transfer_terms.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ballast::session {

/// How the session goes on after a transfer. If several apply, the last one counts.
enum class AfterTransfer : std::uint8_t {
    session_goes_on,
    backend_lost,  ///< its leg cannot be used any more
    service_over,  ///< the last reply was a 421: nothing follows it
    client_lost,   ///< a reply could not be delivered
};

// Who carries the data of a transfer, as the log names it.
inline constexpr std::string_view relay_path = "relay";
inline constexpr std::string_view direct_path = "direct";
inline constexpr std::string_view kernel_path = "kernel";

/// How a transfer went, for those who explain it. Times count from its command; zero: it did not
/// come so far.
struct TransferCourse {
    using Duration = std::chrono::steady_clock::duration;
    bool client_is_active = false;
    bool client_is_protected = false;
    bool backend_is_active = false;
    bool backend_is_protected = false;
    Duration client_connected{};
    Duration backend_connected{};
    Duration first_byte{};
    std::uint32_t pauses = 0;
    Duration paused{};
    Duration held{};  ///< back by a bandwidth limit
    std::uint64_t restart = 0;
    std::string_view path = relay_path;
    std::string_view relayed_because = {};  ///< although `data_path` lets the kernel carry data
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
    TransferCourse course;
};

/// The customary texts for failures that Ballast reports itself (RFC 959 5.4).
[[nodiscard]] std::string_view failure_text(std::uint16_t code);

}  // namespace ballast::session
