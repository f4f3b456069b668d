// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/command.h"
#include "ftp/features.h"
#include "ftp/reply.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::session {

/// What a session would need to become the same session on another backend: the lines that set its
/// state, as the client sent them. No I/O. Passwords are not kept.
class Journal {
public:
    /// A command that the backend (or Ballast, where it answers itself) answered positively: 2xx,
    /// or 3xx for RNFR. Others change nothing, but any command ends what RNFR began.
    void note(const ftp::Command& command, const ftp::Reply& reply);
    /// REIN, AUTH (RFC 4217 4) and a new USER.
    void clear() { *this = Journal(); }

    /// REST: where the next transfer shall begin. Taken by the transfer, whatever comes of it.
    void set_restart(std::uint64_t offset) { restart_ = offset; }
    [[nodiscard]] std::optional<std::uint64_t> take_restart();
    [[nodiscard]] std::optional<std::uint64_t> restart() const { return restart_; }

    [[nodiscard]] const std::string& host() const { return host_; }
    [[nodiscard]] const std::string& user() const { return user_; }
    [[nodiscard]] bool is_binary() const { return !type_.empty() && !is_ascii(); }
    [[nodiscard]] bool is_rename_begun() const { return !rename_from_.empty(); }

    /// What was said before there was a backend and is owed to it once the user is logged in: CLNT
    /// and OPTS lines, in order.
    [[nodiscard]] std::vector<std::string> client_lines() const;
    /// What brings a freshly logged-in session to this state, in order: client lines, LANG, TYPE,
    /// MODE, STRU, ALLO and the directory.
    [[nodiscard]] std::vector<std::string> lines() const;

    /// Marks the MLST facts (RFC 3659 7.9), the LANG tag (RFC 2640 4.3) and the HASH algorithm that
    /// the client has chosen: FEAT tells what is in force in this session.
    void mark_in_force(ftp::Features& features) const;

    /// The file as far as its directory is known, for logs: "/in/a.txt", or "a.txt".
    [[nodiscard]] std::string path_of(std::string_view file) const;

private:
    [[nodiscard]] bool is_ascii() const;
    void note_directory(const ftp::Command& command, const ftp::Reply& reply);
    void note_option(const ftp::Command& command);

    std::string host_;
    std::string user_;
    std::string client_name_;           // the CLNT line
    std::string language_;              // the LANG line
    std::vector<std::string> options_;  // OPTS lines, one for each option
    std::string type_;
    std::string mode_;
    std::string structure_;
    std::string allocate_;
    std::string rename_from_;
    std::string directory_;                 // absolute, as CWD named it or 257 told it
    std::vector<std::string> directories_;  // relative CWDs and CDUPs since
    std::optional<std::uint64_t> restart_;
};

/// The path in a 257 reply: quoted, with quotes inside doubled (RFC 959 appendix II).
[[nodiscard]] std::optional<std::string> path_of_257(std::string_view message);

}  // namespace ballast::session
