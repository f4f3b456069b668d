// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "pool/seat.h"
#include "session/transfer_outcome.h"

#include <chrono>
#include <string>
#include <string_view>

namespace ballast::session {

/// Everything about one transfer that the logs tell.
struct TransferRecord {
    std::string_view session;
    std::string_view user;
    std::string_view backend_user;  ///< what the backend was told, often the same
    base::Address client;
    std::string_view backend;
    std::string_view verb;
    std::string file;  ///< as far as its path is known; empty for listings of the directory
    bool binary = false;
    const TransferOutcome& outcome;
};

/// One line of wu-ftpd's xferlog(5), without line end. `now` is when the transfer ended.
[[nodiscard]] std::string xferlog_line(const TransferRecord& record,
                                       std::chrono::system_clock::time_point now);
/// One JSON object: time, session, user, backend_user, client, backend, verb, file, direction,
/// bytes, seconds, result, reason.
[[nodiscard]] std::string json_line(const TransferRecord& record,
                                    std::chrono::system_clock::time_point now);

/// Names of the two files in the log (`log::open_file`).
inline constexpr std::string_view xferlog_name = "xferlog";
inline constexpr std::string_view json_log_name = "transfers";

/// Writes both. Only files go to the xferlog, listings do not.
void log_transfer(const TransferRecord& record);

/// Counts an ended transfer, for the process and for its backend.
void count_transfer(const TransferOutcome& outcome, const pool::Seat& seat);

}  // namespace ballast::session
