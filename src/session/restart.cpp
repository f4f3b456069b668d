// SPDX-License-Identifier: Apache-2.0
#include "session/restart.h"

#include "ftp/verb.h"

#include <utility>

namespace ballast::session {

void Restart::spend(const ftp::Command& command) {
    if (ftp::transfers_file(command.verb)) forget();
}

std::optional<std::uint64_t> Restart::take(const ftp::Command& command, bool tentative,
                                           const backend::Leg& leg) {
    if (!tentative && !ftp::transfers_file(command.verb)) return std::nullopt;
    auto offset = offset_;
    const bool is_own = is_said_;
    if (!tentative) forget();
    if (offset == 0) offset.reset();
    // The backend may still hold an earlier offset. It must not move the start of this transfer.
    if (leg.is_restart_armed() && !offset && !is_own) offset = 0;
    return offset;
}

}  // namespace ballast::session
