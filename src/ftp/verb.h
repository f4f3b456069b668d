// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ballast::ftp {

/// What the session does with a verb.
enum class Handling : std::uint8_t {
    forward,     ///< sent to the backend untouched; its reply goes back untouched
    login,       ///< USER, PASS, ACCT: forwarded, and the session follows the outcome
    data_setup,  ///< PASV, EPSV, PORT, EPRT: answered by Ballast, the backend is asked later
    transfer,    ///< moves data over a data connection
    refused,     ///< 502: Ballast cannot carry it (LPRT, LPSV, SPSV, ADAT, MIC, CONF, ENC)
    control,     ///< FEAT, QUIT, REIN, ABOR, AUTH, PBSZ, PROT, CCC, HOST, REST, MODE, STAT: a rule
                 ///< of its own
};

/// What the session does with a verb before the user is logged in.
enum class BeforeLogin : std::uint8_t {
    refused,  ///< 530
    allowed,  ///< a rule of its own
    noted,    ///< CLNT, OPTS: answered 200, and said to the backend after the login
};

/// What a verb is about, for rules on what a client may do.
enum class Affects : std::uint8_t {
    session,  ///< it begins, ends or sets up the session or a data connection: always allowed
    nothing,  ///< it reads
    files,    ///< it may change something on the server, as may any verb outside of the table
};

/// What a verb moves over a data connection.
enum class Data : std::uint8_t {
    none,
    listing,    ///< LIST, NLST, MLSD
    thumbnail,  ///< THMB: made from a file, always from its beginning
    download,   ///< RETR
    upload,     ///< STOR, APPE, STOU
};

/// Which way a transfer's bytes go. `unknown`: relay both ways.
enum class Direction : std::uint8_t { none, download, upload, unknown };

/// Which state of the session a verb sets, tells or clears. The journal says those from
/// `client_name` to `rename_from` to another backend, in this order.
enum class State : std::uint8_t {
    none,
    client_name,
    client_version,  ///< CSID
    option,
    language,
    site,  ///< depends on the argument
    type,
    mode,
    structure,
    allocate,        ///< ALLO: for the next upload
    directory,       ///< CWD, XCWD, CDUP, XCUP
    prepare,         ///< PRET: for the next transfer
    range,           ///< RANG: for the next transfer of a file
    restart,         ///< REST: likewise, and for other commands in between on some servers only
    rename_from,     ///< RNFR: for the next command
    told_directory,  ///< PWD, XPWD
    unseen,          ///< SMNT, ACCT, ESTA, ESTP: nobody can say it again, or tell what it changed
    everything,      ///< REIN, AUTH
};

struct Verb {
    std::string_view name;    ///< upper case: "RETR"
    std::string_view source;  ///< "RFC 959 4.1.3"
    Handling handling;
    BeforeLogin before_login;
    Affects affects;
    Data data;
    State sets;
    bool is_secret;   ///< its argument is kept out of logs
    bool takes_long;  ///< may read a whole file, or a directory with all that is in it, before it
                      ///< is answered
    std::string_view usual_name = {};  ///< of a verb of RFC 775: "CWD" for XCWD; else empty
};

/// All verbs of RFC 959, 1123, 2228, 2389, 2428, 2640, 3659, 4217, 7151, 1639 (LPRT, LPSV) and the
/// X- forms in use, sorted by name.
[[nodiscard]] std::span<const Verb> verbs();
/// `name` in upper case. Null if the table does not know it: such a verb is forwarded.
[[nodiscard]] const Verb* find_verb(std::string_view name);
/// Whether the line's verb, in any case, is one that `takes_long`, or one that the table does not
/// know.
[[nodiscard]] bool may_take_long(std::string_view line);
/// What the line's verb, in any case, moves as far as the table knows it.
[[nodiscard]] Data data_of(std::string_view line);
[[nodiscard]] Direction direction_of(Data data);
/// Whether the line's verb, in any case, is one that REST belongs to (RFC 3659 5.3, RFC 1123
/// 4.1.2.13): RETR, STOR, APPE, STOU. Listings are not.
[[nodiscard]] bool transfers_file(std::string_view line);

}  // namespace ballast::ftp
