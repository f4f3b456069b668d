// SPDX-License-Identifier: Apache-2.0
#include "ftp/verb.h"

#include "base/ascii.h"

#include <algorithm>
#include <array>
#include <functional>

namespace ballast::ftp {

namespace {

using H = Handling;
using D = Direction;
using R = Repeatable;
using J = Journal;
constexpr bool before = true;  // login
constexpr bool after = false;
constexpr bool passes = true;  // a transfer that is running
constexpr bool waits = false;
constexpr bool slow = true;
constexpr bool quick = false;

// Repeatable is what does the same when done twice: CWD and CDUP may be relative, RNTO and DELE
// fail the second time, PASS counts as one more guess, SITE may be anything, and an upload's bytes
// are gone.
// clang-format off
constexpr auto table = std::to_array<Verb>({
    {"ABOR",    "RFC 959 4.1.3",                  H::control,     before, D::none,      R::no,   J::none,         passes, quick},
    {"ACCT",    "RFC 959 4.1.1",                  H::login,       before, D::none,      R::no,   J::account,      waits,  quick},
    {"ADAT",    "RFC 2228 3",                     H::refused,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"ALLO",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::yes,  J::allocate,     waits,  quick},
    {"APPE",    "RFC 959 4.1.3",                  H::transfer,    after,  D::upload,    R::no,   J::none,         waits,  slow},
    {"AUTH",    "RFC 2228 3",                     H::control,     before, D::none,      R::no,   J::everything,   waits,  quick},
    {"AVBL",    "draft-peterson-ftp-extensions", H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"CCC",     "RFC 2228 3",                     H::control,     before, D::none,      R::no,   J::none,         waits,  quick},
    {"CDUP",    "RFC 959 4.1.1",                  H::forward,     after,  D::none,      R::no,   J::directory,    waits,  quick},
    {"CLNT",    "in use",                         H::forward,     before, D::none,      R::yes,  J::client_name,  waits,  quick},
    {"COMB",    "Serv-U",                         H::forward,     after,  D::none,      R::no,   J::none,         waits,  slow},
    {"CONF",    "RFC 2228 3",                     H::refused,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"CPSV",    "FXP over TLS",                   H::refused,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"CSID",    "draft-peterson-ftp-extensions", H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"CWD",     "RFC 959 4.1.1",                  H::forward,     after,  D::none,      R::no,   J::directory,    waits,  quick},
    {"DELE",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits,  slow},
    {"DSIZ",    "draft-peterson-ftp-extensions", H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"ENC",     "RFC 2228 3",                     H::refused,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"EPRT",    "RFC 2428 2",                     H::data_setup,  after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"EPSV",    "RFC 2428 3",                     H::data_setup,  after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"ESTA",    "Pure-FTPd",                      H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"ESTP",    "Pure-FTPd",                      H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"FEAT",    "RFC 2389 3",                     H::local,       before, D::none,      R::yes,  J::none,         waits,  quick},
    {"HASH",    "draft-bryan-ftpext-hash",        H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"HELP",    "RFC 959 4.1.3",                  H::forward,     before, D::none,      R::yes,  J::none,         waits,  quick},
    {"HOST",    "RFC 7151 3",                     H::control,     before, D::none,      R::yes,  J::host,         waits,  quick},
    {"LANG",    "RFC 2640 4.1",                   H::forward,     after,  D::none,      R::yes,  J::language,     waits,  quick},
    {"LIST",    "RFC 959 4.1.3",                  H::transfer,    after,  D::download,  R::yes,  J::none,         waits,  slow},
    {"LPRT",    "RFC 1639",                       H::refused,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"LPSV",    "RFC 1639",                       H::refused,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"MD5",     "draft-twine-ftpmd5",             H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"MDTM",    "RFC 3659 3",                     H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"MFCT",    "draft-somers-ftp-mfxx",          H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"MFF",     "draft-somers-ftp-mfxx",          H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"MFMT",    "draft-somers-ftp-mfxx",          H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"MIC",     "RFC 2228 3",                     H::refused,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"MKD",     "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits,  quick},
    {"MLSD",    "RFC 3659 7",                     H::transfer,    after,  D::download,  R::yes,  J::none,         waits,  slow},
    {"MLST",    "RFC 3659 7",                     H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"MMD5",    "draft-twine-ftpmd5",             H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"MODE",    "RFC 959 4.1.2",                  H::control,     after,  D::none,      R::yes,  J::mode,         waits,  quick},
    {"NLST",    "RFC 959 4.1.3",                  H::transfer,    after,  D::download,  R::yes,  J::none,         waits,  slow},
    {"NOOP",    "RFC 959 4.1.3",                  H::forward,     before, D::none,      R::yes,  J::none,         waits,  quick},
    {"OPTS",    "RFC 2389 4",                     H::forward,     before, D::none,      R::yes,  J::option,       waits,  quick},
    {"PASS",    "RFC 959 4.1.1",                  H::login,       before, D::none,      R::no,   J::password,     waits,  quick},
    {"PASV",    "RFC 959 4.1.2",                  H::data_setup,  after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"PBSZ",    "RFC 2228 3",                     H::control,     before, D::none,      R::yes,  J::protection,   waits,  quick},
    {"PORT",    "RFC 959 4.1.2",                  H::data_setup,  after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"PRET",    "DrFTPD",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"PROT",    "RFC 2228 3",                     H::control,     before, D::none,      R::yes,  J::protection,   waits,  quick},
    {"PWD",     "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"QUIT",    "RFC 959 4.1.1",                  H::control,     before, D::none,      R::yes,  J::none,         waits,  quick},
    {"RANG",    "draft-bryan-ftp-range",          H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"REIN",    "RFC 959 4.1.1",                  H::control,     before, D::none,      R::yes,  J::everything,   waits,  quick},
    {"REST",    "RFC 959 4.1.3",                  H::control,     after,  D::none,      R::yes,  J::restart,      waits,  quick},
    {"RETR",    "RFC 959 4.1.3",                  H::transfer,    after,  D::download,  R::yes,  J::none,         waits,  slow},
    {"RMD",     "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits,  slow},
    {"RMDA",    "draft-peterson-ftp-extensions", H::forward,     after,  D::none,      R::no,   J::none,         waits,  slow},
    {"RNFR",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::yes,  J::rename_from,  waits,  quick},
    {"RNTO",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits,  slow},
    {"SITE",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits,  slow},
    {"SIZE",    "RFC 3659 4",                     H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"SMNT",    "RFC 959 4.1.1",                  H::forward,     after,  D::none,      R::no,   J::directory,    waits,  quick},
    {"SPSV",    "Pure-FTPd",                      H::refused,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"SSCN",    "FXP over TLS",                   H::refused,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"STAT",    "RFC 959 4.1.3",                  H::control,     after,  D::none,      R::yes,  J::none,         passes, slow},
    {"STOR",    "RFC 959 4.1.3",                  H::transfer,    after,  D::upload,    R::no,   J::none,         waits,  slow},
    {"STOU",    "RFC 959 4.1.3",                  H::transfer,    after,  D::upload,    R::no,   J::none,         waits,  slow},
    {"STRU",    "RFC 959 4.1.2",                  H::forward,     after,  D::none,      R::yes,  J::structure,    waits,  quick},
    {"SYST",    "RFC 959 4.1.3",                  H::forward,     before, D::none,      R::yes,  J::none,         waits,  quick},
    {"THMB",    "draft-peterson-ftp-extensions", H::transfer,    after,  D::download,  R::yes,  J::none,         waits,  slow},
    {"TYPE",    "RFC 959 4.1.2",                  H::forward,     after,  D::none,      R::yes,  J::type,         waits,  quick},
    {"USER",    "RFC 959 4.1.1",                  H::login,       before, D::none,      R::yes,  J::user,         waits,  quick},
    {"XCRC",    "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"XCUP",    "RFC 775",                        H::forward,     after,  D::none,      R::no,   J::directory,    waits,  quick},
    {"XCWD",    "RFC 775",                        H::forward,     after,  D::none,      R::no,   J::directory,    waits,  quick},
    {"XMAS",    "RFC 737",                        H::forward,     after,  D::none,      R::no,   J::none,         waits,  quick},
    {"XMD5",    "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"XMKD",    "RFC 775",                        H::forward,     after,  D::none,      R::no,   J::none,         waits,  quick},
    {"XPWD",    "RFC 775",                        H::forward,     after,  D::none,      R::yes,  J::none,         waits,  quick},
    {"XRMD",    "RFC 775",                        H::forward,     after,  D::none,      R::no,   J::none,         waits,  slow},
    {"XSEM",    "RFC 737",                        H::forward,     after,  D::none,      R::no,   J::none,         waits,  quick},
    {"XSEN",    "RFC 737",                        H::forward,     after,  D::none,      R::no,   J::none,         waits,  quick},
    {"XSHA",    "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"XSHA1",   "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"XSHA256", "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
    {"XSHA512", "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits,  slow},
});
// clang-format on

static_assert(std::ranges::adjacent_find(table, std::ranges::greater_equal{}, &Verb::name) ==
                  table.end(),
              "find_verb searches by halves");

}  // namespace

std::span<const Verb> verbs() { return table; }

const Verb* find_verb(std::string_view name) {
    const auto found = std::ranges::lower_bound(table, name, {}, &Verb::name);
    return found != table.end() && found->name == name ? &*found : nullptr;
}

bool may_take_long(std::string_view line) {
    const auto* const verb = find_verb(base::upper(line.substr(0, line.find(' '))));
    return verb == nullptr || verb->takes_long;
}

bool transfers_file(std::string_view line) {
    constexpr std::array<std::string_view, 4> names = {"RETR", "STOR", "APPE", "STOU"};
    const auto verb = line.substr(0, line.find(' '));
    return std::ranges::any_of(
        names, [&](std::string_view name) { return base::is_same_but_for_case(verb, name); });
}

}  // namespace ballast::ftp
