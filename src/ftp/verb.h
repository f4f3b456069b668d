// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ballast::ftp {

/// What the session does with a verb.
enum class Handling : std::uint8_t {
    forward,     ///< sent to the backend untouched; its reply goes back untouched
    local,       ///< answered by Ballast, before and after login
    login,       ///< USER, PASS, ACCT: forwarded, and the session follows the outcome
    data_setup,  ///< PASV, EPSV, PORT, EPRT: answered by Ballast, the backend is asked later
    transfer,    ///< moves data over a data connection
    refused,     ///< 502: Ballast cannot carry it (LPRT, LPSV, SPSV, ADAT, MIC, CONF, ENC)
    control,     ///< QUIT, REIN, ABOR, AUTH, PBSZ, PROT, CCC, HOST, REST, MODE, STAT: a rule of its
                 ///< own
};

/// Which way a transfer's bytes go. `unknown`: relay both ways.
enum class Direction : std::uint8_t { none, download, upload, unknown };

/// Whether the verb may be sent a second time when the first answer was lost.
enum class Repeatable : std::uint8_t { yes, no };

/// Which state of the session the verb sets or clears, for the journal.
enum class Journal : std::uint8_t {
    none,
    user,
    password,
    account,
    host,
    client_name,
    language,
    option,
    type,
    mode,
    structure,
    directory,    ///< CWD, XCWD, CDUP, XCUP, SMNT
    restart,      ///< REST
    rename_from,  ///< RNFR
    allocate,     ///< ALLO
    protection,   ///< PBSZ, PROT
    everything,   ///< REIN, AUTH
};

struct Verb {
    std::string_view name;    ///< upper case: "RETR"
    std::string_view source;  ///< "RFC 959 4.1.3"
    Handling handling;
    bool before_login;  ///< allowed before 230
    Direction direction;
    Repeatable repeatable;
    Journal journal;
    bool during_transfer;  ///< ABOR and STAT (RFC 959 4.1.3); everything else waits
    bool takes_long;       ///< may read a whole file, or a directory with all that is in it, before
                           ///< it is answered
};

/// All verbs of RFC 959, 1123, 2228, 2389, 2428, 2640, 3659, 4217, 7151, 1639 (LPRT, LPSV) and the
/// X- forms in use, sorted by name.
[[nodiscard]] std::span<const Verb> verbs();
/// `name` in upper case. Null if the table does not know it: such a verb is forwarded.
[[nodiscard]] const Verb* find_verb(std::string_view name);
/// Whether the line's verb, in any case, is one that `takes_long`, or one that the table does not
/// know.
[[nodiscard]] bool may_take_long(std::string_view line);
/// Whether the line's verb, in any case, is one that REST belongs to (RFC 3659 5.3, RFC 1123
/// 4.1.2.13): RETR, STOR, APPE, STOU. Listings are not.
[[nodiscard]] bool transfers_file(std::string_view line);

}  // namespace ballast::ftp
