// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/command.h"
#include "ftp/features.h"
#include "ftp/reply.h"
#include "ftp/verb.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::session {

/// What a session needs to become the same session on another backend: the client's lines that set
/// its state. The journal knows whether it is complete. Too many lines make it incomplete, as do
/// commands with unknown effect, but it is never wrong. No I/O. Passwords are not kept.
class Journal {
public:
    /// Size limits. A client that has not logged in gets less.
    static constexpr std::size_t bytes_before_login_max = 4096;
    static constexpr std::size_t bytes_max = 16 * 1024;

    /// A command and the last reply to it, from the backend or from Ballast on its behalf.
    /// Transfers go to `note_transfer`.
    void note(const ftp::Command& command, const ftp::Reply& reply);
    /// The client asked for a transfer, which uses up what was prepared for it. `is_refused`: no
    /// transfer took place.
    void note_transfer(const ftp::Command& command, bool is_refused);
    /// The user has logged in. The state after a second login on the same backend is unknown: RFC
    /// 959 4.1.1 keeps the transfer parameters, and does not mention the directory.
    void note_login();
    /// For REIN, AUTH (RFC 4217 4) and a USER that goes to another backend.
    void clear() { *this = Journal(); }

    /// Whether a replay of `lines` makes another backend's session the same as this one.
    [[nodiscard]] bool is_complete() const { return gap().empty(); }
    /// Why the journal is incomplete. Empty: it is complete. Contains no secret.
    [[nodiscard]] std::string gap() const;

    [[nodiscard]] bool is_binary() const;
    /// MODE S, STRU F and no RANG: a transfer's bytes are those of the file.
    [[nodiscard]] bool is_plain_stream() const;

    /// CLNT and OPTS lines from before there was a backend, in order. The backend gets them after
    /// login. Each line it accepts is then noted again.
    [[nodiscard]] std::vector<std::string> take_owed();
    /// The lines that bring a freshly logged-in session to this state, in order. RNFR is last.
    [[nodiscard]] std::vector<std::string> lines() const;
    /// The directory, if a 257 named it. Then `lines` has a CWD to it.
    [[nodiscard]] std::optional<std::string> told_directory() const;

    /// Marks the MLST facts (RFC 3659 7.9), the LANG tag (RFC 2640 4.3) and the HASH algorithm that
    /// the client has chosen. FEAT marks what applies in this session.
    void mark_in_force(ftp::Features& features) const;

    /// For logs: the file's path as far as the directory is known, "/in/a.txt" or "a.txt".
    [[nodiscard]] std::string path_of(std::string_view file) const;

private:
    struct Entry {
        ftp::State state;
        std::string line;
    };

    void begin_command();
    void note_unknown(std::string_view what, const ftp::Reply& reply);
    void note_site(const ftp::Command& command, const ftp::Reply& reply);
    void note_option(const ftp::Command& command);
    void note_directory(const ftp::Command& command);
    void note_told_directory(const ftp::Reply& reply);

    [[nodiscard]] const Entry* find(ftp::State state) const;
    void forget(ftp::State state);
    void set(ftp::State state, std::string_view line);
    void add(ftp::State state, std::string_view line);
    void lose(std::string reason);
    void forget_directory();
    void lose_directory(std::string reason);

    std::vector<Entry> entries_;  // by state, in the order of the replay
    std::string gap_;             // the first thing that could not be kept
    std::string lost_directory_;  // why it is unknown, until it is known again
    bool is_logged_in_ = false;
    bool is_directory_told_ = false;
    bool is_restart_old_ = false;  // another command came after REST
};

/// The path in a 257 reply: quoted, with quotes inside doubled (RFC 959 appendix II).
[[nodiscard]] std::optional<std::string> path_of_257(std::string_view message);

}  // namespace ballast::session
