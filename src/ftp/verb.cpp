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

// Repeatable is what does the same when done twice: CWD and CDUP may be relative, RNTO and DELE
// fail the second time, PASS counts as one more guess, SITE may be anything, and an upload's bytes
// are gone.
// clang-format off
constexpr auto table = std::to_array<Verb>({
    {"ABOR",    "RFC 959 4.1.3",                  H::control,     before, D::none,      R::no,   J::none,         passes},
    {"ACCT",    "RFC 959 4.1.1",                  H::login,       before, D::none,      R::no,   J::account,      waits},
    {"ADAT",    "RFC 2228 3",                     H::refused,     after,  D::none,      R::yes,  J::none,         waits},
    {"ALLO",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::yes,  J::allocate,     waits},
    {"APPE",    "RFC 959 4.1.3",                  H::transfer,    after,  D::upload,    R::no,   J::none,         waits},
    {"AUTH",    "RFC 2228 3",                     H::control,     before, D::none,      R::no,   J::everything,   waits},
    {"AVBL",    "draft-peterson-ftp-extensions", H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"CCC",     "RFC 2228 3",                     H::control,     before, D::none,      R::no,   J::none,         waits},
    {"CDUP",    "RFC 959 4.1.1",                  H::forward,     after,  D::none,      R::no,   J::directory,    waits},
    {"CLNT",    "in use",                         H::forward,     before, D::none,      R::yes,  J::client_name,  waits},
    {"COMB",    "Serv-U",                         H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"CONF",    "RFC 2228 3",                     H::refused,     after,  D::none,      R::yes,  J::none,         waits},
    {"CPSV",    "FXP over TLS",                   H::refused,     after,  D::none,      R::yes,  J::none,         waits},
    {"CSID",    "draft-peterson-ftp-extensions", H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"CWD",     "RFC 959 4.1.1",                  H::forward,     after,  D::none,      R::no,   J::directory,    waits},
    {"DELE",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"DSIZ",    "draft-peterson-ftp-extensions", H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"ENC",     "RFC 2228 3",                     H::refused,     after,  D::none,      R::yes,  J::none,         waits},
    {"EPRT",    "RFC 2428 2",                     H::data_setup,  after,  D::none,      R::yes,  J::none,         waits},
    {"EPSV",    "RFC 2428 3",                     H::data_setup,  after,  D::none,      R::yes,  J::none,         waits},
    {"ESTA",    "Pure-FTPd",                      H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"ESTP",    "Pure-FTPd",                      H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"FEAT",    "RFC 2389 3",                     H::local,       before, D::none,      R::yes,  J::none,         waits},
    {"HASH",    "draft-bryan-ftpext-hash",        H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"HELP",    "RFC 959 4.1.3",                  H::forward,     before, D::none,      R::yes,  J::none,         waits},
    {"HOST",    "RFC 7151 3",                     H::control,     before, D::none,      R::yes,  J::host,         waits},
    {"LANG",    "RFC 2640 4.1",                   H::forward,     after,  D::none,      R::yes,  J::language,     waits},
    {"LIST",    "RFC 959 4.1.3",                  H::transfer,    after,  D::download,  R::yes,  J::none,         waits},
    {"LPRT",    "RFC 1639",                       H::refused,     after,  D::none,      R::yes,  J::none,         waits},
    {"LPSV",    "RFC 1639",                       H::refused,     after,  D::none,      R::yes,  J::none,         waits},
    {"MD5",     "draft-twine-ftpmd5",             H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"MDTM",    "RFC 3659 3",                     H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"MFCT",    "draft-somers-ftp-mfxx",          H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"MFF",     "draft-somers-ftp-mfxx",          H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"MFMT",    "draft-somers-ftp-mfxx",          H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"MIC",     "RFC 2228 3",                     H::refused,     after,  D::none,      R::yes,  J::none,         waits},
    {"MKD",     "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"MLSD",    "RFC 3659 7",                     H::transfer,    after,  D::download,  R::yes,  J::none,         waits},
    {"MLST",    "RFC 3659 7",                     H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"MMD5",    "draft-twine-ftpmd5",             H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"MODE",    "RFC 959 4.1.2",                  H::control,     after,  D::none,      R::yes,  J::mode,         waits},
    {"NLST",    "RFC 959 4.1.3",                  H::transfer,    after,  D::download,  R::yes,  J::none,         waits},
    {"NOOP",    "RFC 959 4.1.3",                  H::forward,     before, D::none,      R::yes,  J::none,         waits},
    {"OPTS",    "RFC 2389 4",                     H::forward,     before, D::none,      R::yes,  J::option,       waits},
    {"PASS",    "RFC 959 4.1.1",                  H::login,       before, D::none,      R::no,   J::password,     waits},
    {"PASV",    "RFC 959 4.1.2",                  H::data_setup,  after,  D::none,      R::yes,  J::none,         waits},
    {"PBSZ",    "RFC 2228 3",                     H::control,     before, D::none,      R::yes,  J::protection,   waits},
    {"PORT",    "RFC 959 4.1.2",                  H::data_setup,  after,  D::none,      R::yes,  J::none,         waits},
    {"PRET",    "DrFTPD",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"PROT",    "RFC 2228 3",                     H::control,     before, D::none,      R::yes,  J::protection,   waits},
    {"PWD",     "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"QUIT",    "RFC 959 4.1.1",                  H::control,     before, D::none,      R::yes,  J::none,         waits},
    {"RANG",    "draft-bryan-ftp-range",          H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"REIN",    "RFC 959 4.1.1",                  H::control,     before, D::none,      R::yes,  J::everything,   waits},
    {"REST",    "RFC 959 4.1.3",                  H::control,     after,  D::none,      R::yes,  J::restart,      waits},
    {"RETR",    "RFC 959 4.1.3",                  H::transfer,    after,  D::download,  R::yes,  J::none,         waits},
    {"RMD",     "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"RMDA",    "draft-peterson-ftp-extensions", H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"RNFR",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::yes,  J::rename_from,  waits},
    {"RNTO",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"SITE",    "RFC 959 4.1.3",                  H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"SIZE",    "RFC 3659 4",                     H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"SMNT",    "RFC 959 4.1.1",                  H::forward,     after,  D::none,      R::no,   J::directory,    waits},
    {"SPSV",    "Pure-FTPd",                      H::refused,     after,  D::none,      R::yes,  J::none,         waits},
    {"SSCN",    "FXP over TLS",                   H::refused,     after,  D::none,      R::yes,  J::none,         waits},
    {"STAT",    "RFC 959 4.1.3",                  H::control,     after,  D::none,      R::yes,  J::none,         passes},
    {"STOR",    "RFC 959 4.1.3",                  H::transfer,    after,  D::upload,    R::no,   J::none,         waits},
    {"STOU",    "RFC 959 4.1.3",                  H::transfer,    after,  D::upload,    R::no,   J::none,         waits},
    {"STRU",    "RFC 959 4.1.2",                  H::forward,     after,  D::none,      R::yes,  J::structure,    waits},
    {"SYST",    "RFC 959 4.1.3",                  H::forward,     before, D::none,      R::yes,  J::none,         waits},
    {"THMB",    "draft-peterson-ftp-extensions", H::transfer,    after,  D::download,  R::yes,  J::none,         waits},
    {"TYPE",    "RFC 959 4.1.2",                  H::forward,     after,  D::none,      R::yes,  J::type,         waits},
    {"USER",    "RFC 959 4.1.1",                  H::login,       before, D::none,      R::yes,  J::user,         waits},
    {"XCRC",    "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"XCUP",    "RFC 775",                        H::forward,     after,  D::none,      R::no,   J::directory,    waits},
    {"XCWD",    "RFC 775",                        H::forward,     after,  D::none,      R::no,   J::directory,    waits},
    {"XMAS",    "RFC 737",                        H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"XMD5",    "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"XMKD",    "RFC 775",                        H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"XPWD",    "RFC 775",                        H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"XRMD",    "RFC 775",                        H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"XSEM",    "RFC 737",                        H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"XSEN",    "RFC 737",                        H::forward,     after,  D::none,      R::no,   J::none,         waits},
    {"XSHA",    "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"XSHA1",   "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"XSHA256", "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits},
    {"XSHA512", "in use",                         H::forward,     after,  D::none,      R::yes,  J::none,         waits},
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

bool transfers_file(std::string_view line) {
    constexpr std::array<std::string_view, 4> names = {"RETR", "STOR", "APPE", "STOU"};
    const auto verb = line.substr(0, line.find(' '));
    return std::ranges::any_of(
        names, [&](std::string_view name) { return base::is_same_but_for_case(verb, name); });
}

}  // namespace ballast::ftp
