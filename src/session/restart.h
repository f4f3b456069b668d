// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "ftp/command.h"

#include <cstdint>
#include <optional>

namespace ballast::session {

/// A session's REST: the offset for its next transfer of a file. It survives a listing and any
/// other command, as on vsftpd, ProFTPD, Pure-FTPd and pyftpdlib.
class Restart {
public:
    /// Ballast answered the client's REST, and sends it to the backend before the transfer.
    void set(std::uint64_t offset) { offset_ = offset; }
    /// An `as-client` backend received the client's REST itself.
    void note_said() { is_said_ = true; }
    void forget() { *this = Restart(); }
    /// A transfer that Ballast refuses uses up its REST as well.
    void spend(const ftp::Command& command);
    /// A tentative command moved data, so the REST was for it.
    void spend() { offset_.reset(); }

    /// The REST that the backend must get before this command. It belongs to the next transfer of a
    /// file, refused or not. A `tentative` command has a verb that Ballast does not know, and may
    /// be such a transfer. It gets the REST. If it moves nothing, the next command keeps the REST.
    [[nodiscard]] std::optional<std::uint64_t> take(const ftp::Command& command, bool tentative,
                                                    const backend::Leg& leg);

private:
    std::optional<std::uint64_t> offset_;
    bool is_said_ = false;
};

}  // namespace ballast::session
