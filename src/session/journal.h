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

/// What a session would need to become the same session on another backend: the lines that set its
/// state, as the client sent them. It says whether it is complete. What it cannot keep, because it
/// is too much or because nobody knows what it changed, makes it incomplete and never wrong. No
/// I/O. Passwords are not kept.
class Journal {
public:
    /// How much it keeps. A client that has not logged in gets less.
    static constexpr std::size_t bytes_before_login_max = 4096;
    static constexpr std::size_t bytes_max = 16 * 1024;

    /// A command and the last reply that the backend gave to it, or Ballast where it answers for
    /// the backend. Transfers are not noted here.
    void note(const ftp::Command& command, const ftp::Reply& reply);
    /// A transfer was asked for, and uses up what was prepared for it. `is_refused`: it did not
    /// happen.
    void note_transfer(const ftp::Command& command, bool is_refused);
    /// The user has logged in. A second login on the same backend leaves nobody knows what: RFC 959
    /// 4.1.1 keeps the transfer parameters, and says nothing of the directory.
    void note_login();
    /// REIN, AUTH (RFC 4217 4) and a USER that goes to another backend.
    void clear() { *this = Journal(); }

    /// Whether a replay of `lines` makes another backend's session the same as this one.
    [[nodiscard]] bool is_complete() const { return gap().empty(); }
    /// Why it is not complete; empty: it is. Holds no secret.
    [[nodiscard]] std::string gap() const;

    [[nodiscard]] bool is_binary() const;

    /// What was said before there was a backend and is owed to it once the user is logged in: CLNT
    /// and OPTS lines, in order. They are in the journal again when the backend has accepted them.
    [[nodiscard]] std::vector<std::string> take_owed();
    /// What brings a freshly logged-in session to this state, in order. RNFR is last.
    [[nodiscard]] std::vector<std::string> lines() const;
    /// The directory, if a 257 told it; `lines` has a CWD to it then.
    [[nodiscard]] std::optional<std::string> told_directory() const;

    /// Marks the MLST facts (RFC 3659 7.9), the LANG tag (RFC 2640 4.3) and the HASH algorithm that
    /// the client has chosen: FEAT tells what is in force in this session.
    void mark_in_force(ftp::Features& features) const;

    /// The file as far as its directory is known, for logs: "/in/a.txt", or "a.txt".
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

    std::vector<Entry> entries_;  // by state: in the order of the replay
    std::string gap_;             // the first thing that was not kept
    std::string lost_directory_;  // why it is not known, until it is named or told again
    bool is_logged_in_ = false;
    bool is_directory_told_ = false;
    bool is_restart_old_ = false;  // another command came behind the REST
};

/// The path in a 257 reply: quoted, with quotes inside doubled (RFC 959 appendix II).
[[nodiscard]] std::optional<std::string> path_of_257(std::string_view message);

}  // namespace ballast::session
