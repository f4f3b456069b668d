// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "ftp/command.h"

#include <cstdint>
#include <optional>

namespace ballast::session {

/// REST of a session: where its next transfer of a file shall begin. Vsftpd, ProFTPD, Pure-FTPd and
/// pyftpdlib keep it over a listing and any other command, and so does this.
class Restart {
public:
    /// Ballast answered the client's REST, and says it to the backend before the transfer.
    void set(std::uint64_t offset) { offset_ = offset; }
    /// An `as-client` backend heard the client's REST itself.
    void note_said() { is_said_ = true; }
    void forget() { *this = Restart(); }
    /// A transfer that Ballast refuses has spent its REST as well.
    void spend(const ftp::Command& command);
    /// A command that might have been no transfer moved data, so REST was its own.
    void spend() { offset_.reset(); }

    /// What REST the backend is to hear before this command. It belongs to the next transfer of a
    /// file, refused or not. A `tentative` command is a verb that Ballast does not know: it may be
    /// such a transfer. It hears the REST, and keeps it for the next one if it moves nothing.
    [[nodiscard]] std::optional<std::uint64_t> take(const ftp::Command& command, bool tentative,
                                                    const backend::Leg& leg);

private:
    std::optional<std::uint64_t> offset_;
    bool is_said_ = false;
};

}  // namespace ballast::session
