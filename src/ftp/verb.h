// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ballast::ftp {

/// What the session does with a verb.
enum class Handling : std::uint8_t {
    forward,     ///< sent to the backend untouched; its reply goes back untouched
    login,       ///< USER, PASS, ACCT: forwarded; the outcome changes the session
    data_setup,  ///< PASV, EPSV, PORT, EPRT: answered by Ballast, the backend is asked later
    transfer,    ///< moves data over a data connection
    refused,     ///< 502: Ballast cannot carry it (LPRT, LPSV, SPSV, ADAT, MIC, CONF, ENC)
    control,     ///< FEAT, QUIT, REIN, ABOR, AUTH, PBSZ, PROT, CCC, HOST, REST, MODE, STAT: a rule
                 ///< of its own
};

/// What the session does with a verb before the user is logged in.
enum class BeforeLogin : std::uint8_t {
    refused,  ///< 530
    allowed,  ///< has its own rule
    noted,    ///< CLNT, OPTS: answered 200, and sent to the backend after login
};

/// What a verb affects, for rules on what a client may do.
enum class Affects : std::uint8_t {
    session,  ///< begins, ends or sets up the session or a data connection: always allowed
    nothing,  ///< only reads
    files,    ///< may change something on the server, like any verb outside of the table
};

/// What a verb moves over a data connection.
enum class Data : std::uint8_t {
    none,
    listing,    ///< LIST, NLST, MLSD
    thumbnail,  ///< THMB: made from a file, always from the beginning
    download,   ///< RETR
    upload,     ///< STOR, APPE, STOU
};

/// Which way a transfer's bytes go. `unknown`: relay both ways.
enum class Direction : std::uint8_t { none, download, upload, unknown };

/// Which state of the session a verb sets, tells or clears. The journal replays those from
/// `client_name` to `rename_from` on another backend, in this order.
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
    restart,         ///< REST: the same; on some servers any command in between cancels it
    rename_from,     ///< RNFR: for the next command
    told_directory,  ///< PWD, XPWD
    unseen,          ///< SMNT, ACCT, ESTA, ESTP: cannot be replayed, and their effect is unknown
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
/// `name` is in upper case. Null: the table does not know it, so it is forwarded.
[[nodiscard]] const Verb* find_verb(std::string_view name);
/// Whether the line's verb, in any case, `takes_long` or is not in the table.
[[nodiscard]] bool may_take_long(std::string_view line);
/// Whether the line may be sent a second time when the answer to the first is lost: its verb, in
/// any case, is in the table and changes nothing but the session.
[[nodiscard]] bool may_repeat(std::string_view line);
/// What the line's verb, in any case, moves according to the table.
[[nodiscard]] Data data_of(std::string_view line);
[[nodiscard]] Direction direction_of(Data data);
/// For logs.
[[nodiscard]] std::string_view to_string(Direction direction);
/// Whether REST applies to the line's verb, in any case: RETR, STOR, APPE, STOU, but not listings
/// (RFC 3659 5.3, RFC 1123 4.1.2.13).
[[nodiscard]] bool transfers_file(std::string_view line);

}  // namespace ballast::ftp
