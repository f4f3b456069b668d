// SPDX-License-Identifier: Apache-2.0
#include "ftp/verb.h"

#include "base/ascii.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <functional>

namespace ballast::ftp {

namespace {

using H = Handling;
using B = BeforeLogin;
using A = Affects;
using D = Data;
using S = State;
constexpr bool secret = true;
constexpr bool shown = false;
constexpr bool slow = true;
constexpr bool quick = false;

// clang-format off
constexpr auto table = std::to_array<Verb>({
    {"ABOR",    "RFC 959 4.1.3",                 H::control,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"ACCT",    "RFC 959 4.1.1",                 H::login,     B::allowed, A::session, D::none,      S::unseen,         secret, quick},
    {"ADAT",    "RFC 2228 3",                    H::refused,   B::refused, A::files,   D::none,      S::none,           secret, quick},
    {"ALLO",    "RFC 959 4.1.3",                 H::forward,   B::refused, A::nothing, D::none,      S::allocate,       shown,  quick},
    {"APPE",    "RFC 959 4.1.3",                 H::transfer,  B::refused, A::files,   D::upload,    S::none,           shown,  slow},
    {"AUTH",    "RFC 2228 3",                    H::control,   B::allowed, A::session, D::none,      S::everything,     shown,  quick},
    {"AVBL",    "draft-peterson-ftp-extensions", H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"CCC",     "RFC 2228 3",                    H::control,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"CDUP",    "RFC 959 4.1.1",                 H::forward,   B::refused, A::nothing, D::none,      S::directory,      shown,  quick},
    {"CLNT",    "in use",                        H::forward,   B::noted,   A::session, D::none,      S::client_name,    shown,  quick},
    {"COMB",    "Serv-U",                        H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  slow},
    {"CONF",    "RFC 2228 3",                    H::refused,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"CPSV",    "FXP over TLS",                  H::refused,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"CSID",    "draft-peterson-ftp-extensions", H::forward,   B::refused, A::nothing, D::none,      S::client_version, shown,  quick},
    {"CWD",     "RFC 959 4.1.1",                 H::forward,   B::refused, A::nothing, D::none,      S::directory,      shown,  quick},
    {"DELE",    "RFC 959 4.1.3",                 H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  slow},
    {"DSIZ",    "draft-peterson-ftp-extensions", H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"ENC",     "RFC 2228 3",                    H::refused,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"EPRT",    "RFC 2428 2",                    H::data_setup,B::refused, A::session, D::none,      S::none,           shown,  quick},
    {"EPSV",    "RFC 2428 3",                    H::data_setup,B::refused, A::session, D::none,      S::none,           shown,  quick},
    {"ESTA",    "Pure-FTPd",                     H::forward,   B::refused, A::files,   D::none,      S::unseen,         shown,  quick},
    {"ESTP",    "Pure-FTPd",                     H::forward,   B::refused, A::files,   D::none,      S::unseen,         shown,  quick},
    {"FEAT",    "RFC 2389 3",                    H::control,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"HASH",    "draft-bryan-ftpext-hash",       H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"HELP",    "RFC 959 4.1.3",                 H::forward,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"HOST",    "RFC 7151 3",                    H::control,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"LANG",    "RFC 2640 4.1",                  H::forward,   B::refused, A::nothing, D::none,      S::language,       shown,  quick},
    {"LIST",    "RFC 959 4.1.3",                 H::transfer,  B::refused, A::nothing, D::listing,   S::none,           shown,  slow},
    {"LPRT",    "RFC 1639",                      H::refused,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"LPSV",    "RFC 1639",                      H::refused,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"MD5",     "draft-twine-ftpmd5",            H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"MDTM",    "RFC 3659 3",                    H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  quick},
    {"MFCT",    "draft-somers-ftp-mfxx",         H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"MFF",     "draft-somers-ftp-mfxx",         H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"MFMT",    "draft-somers-ftp-mfxx",         H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"MIC",     "RFC 2228 3",                    H::refused,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"MKD",     "RFC 959 4.1.3",                 H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"MLSD",    "RFC 3659 7",                    H::transfer,  B::refused, A::nothing, D::listing,   S::none,           shown,  slow},
    {"MLST",    "RFC 3659 7",                    H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  quick},
    {"MMD5",    "draft-twine-ftpmd5",            H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"MODE",    "RFC 959 4.1.2",                 H::control,   B::refused, A::session, D::none,      S::mode,           shown,  quick},
    {"NLST",    "RFC 959 4.1.3",                 H::transfer,  B::refused, A::nothing, D::listing,   S::none,           shown,  slow},
    {"NOOP",    "RFC 959 4.1.3",                 H::forward,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"OPTS",    "RFC 2389 4",                    H::forward,   B::noted,   A::session, D::none,      S::option,         shown,  quick},
    {"PASS",    "RFC 959 4.1.1",                 H::login,     B::allowed, A::session, D::none,      S::none,           secret, quick},
    {"PASV",    "RFC 959 4.1.2",                 H::data_setup,B::refused, A::session, D::none,      S::none,           shown,  quick},
    {"PBSZ",    "RFC 2228 3",                    H::control,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"PORT",    "RFC 959 4.1.2",                 H::data_setup,B::refused, A::session, D::none,      S::none,           shown,  quick},
    {"PRET",    "DrFTPD",                        H::forward,   B::refused, A::nothing, D::none,      S::prepare,        shown,  quick},
    {"PROT",    "RFC 2228 3",                    H::control,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"PWD",     "RFC 959 4.1.3",                 H::forward,   B::refused, A::nothing, D::none,      S::told_directory, shown,  quick},
    {"QUIT",    "RFC 959 4.1.1",                 H::control,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"RANG",    "draft-bryan-ftp-range",         H::forward,   B::refused, A::nothing, D::none,      S::range,          shown,  quick},
    {"REIN",    "RFC 959 4.1.1",                 H::control,   B::allowed, A::session, D::none,      S::everything,     shown,  quick},
    {"REST",    "RFC 959 4.1.3",                 H::control,   B::refused, A::session, D::none,      S::restart,        shown,  quick},
    {"RETR",    "RFC 959 4.1.3",                 H::transfer,  B::refused, A::nothing, D::download,  S::none,           shown,  slow},
    {"RMD",     "RFC 959 4.1.3",                 H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  slow},
    {"RMDA",    "draft-peterson-ftp-extensions", H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  slow},
    {"RNFR",    "RFC 959 4.1.3",                 H::forward,   B::refused, A::files,   D::none,      S::rename_from,    shown,  quick},
    {"RNTO",    "RFC 959 4.1.3",                 H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  slow},
    {"SITE",    "RFC 959 4.1.3",                 H::forward,   B::refused, A::files,   D::none,      S::site,           shown,  slow},
    {"SIZE",    "RFC 3659 4",                    H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"SMNT",    "RFC 959 4.1.1",                 H::forward,   B::refused, A::files,   D::none,      S::unseen,         shown,  quick},
    {"SPSV",    "Pure-FTPd",                     H::refused,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"SSCN",    "FXP over TLS",                  H::refused,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"STAT",    "RFC 959 4.1.3",                 H::control,   B::refused, A::session, D::none,      S::none,           shown,  slow},
    {"STOR",    "RFC 959 4.1.3",                 H::transfer,  B::refused, A::files,   D::upload,    S::none,           shown,  slow},
    {"STOU",    "RFC 959 4.1.3",                 H::transfer,  B::refused, A::files,   D::upload,    S::none,           shown,  slow},
    {"STRU",    "RFC 959 4.1.2",                 H::forward,   B::refused, A::session, D::none,      S::structure,      shown,  quick},
    {"SYST",    "RFC 959 4.1.3",                 H::forward,   B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"THMB",    "draft-peterson-ftp-extensions", H::transfer,  B::refused, A::nothing, D::thumbnail, S::none,           shown,  slow},
    {"TYPE",    "RFC 959 4.1.2",                 H::forward,   B::refused, A::session, D::none,      S::type,           shown,  quick},
    {"USER",    "RFC 959 4.1.1",                 H::login,     B::allowed, A::session, D::none,      S::none,           shown,  quick},
    {"XCRC",    "in use",                        H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"XCUP",    "RFC 775",                       H::forward,   B::refused, A::nothing, D::none,      S::directory,      shown,  quick, "CDUP"},
    {"XCWD",    "RFC 775",                       H::forward,   B::refused, A::nothing, D::none,      S::directory,      shown,  quick, "CWD"},
    {"XMAS",    "RFC 737",                       H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"XMD5",    "in use",                        H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"XMKD",    "RFC 775",                       H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  quick, "MKD"},
    {"XPWD",    "RFC 775",                       H::forward,   B::refused, A::nothing, D::none,      S::told_directory, shown,  quick, "PWD"},
    {"XRMD",    "RFC 775",                       H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  slow, "RMD"},
    {"XSEM",    "RFC 737",                       H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"XSEN",    "RFC 737",                       H::forward,   B::refused, A::files,   D::none,      S::none,           shown,  quick},
    {"XSHA",    "in use",                        H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"XSHA1",   "in use",                        H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"XSHA256", "in use",                        H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
    {"XSHA512", "in use",                        H::forward,   B::refused, A::nothing, D::none,      S::none,           shown,  slow},
});
// clang-format on

/// A name as a number, with the same order. Numbers compare faster, and every command is looked up
/// several times.
constexpr std::uint64_t number_of(std::string_view name) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i)
        number = number << 8U | (i < name.size() ? static_cast<unsigned char>(name[i]) : 0U);
    return number;
}

constexpr auto numbers = [] {
    std::array<std::uint64_t, table.size()> all{};
    std::ranges::transform(table, all.begin(), number_of, &Verb::name);
    return all;
}();

static_assert(std::ranges::adjacent_find(numbers, std::ranges::greater_equal{}) == numbers.end(),
              "find_verb searches by halves");
static_assert(std::ranges::all_of(table,
                                  [](const Verb& verb) {
                                      return verb.name.size() <= sizeof numbers.front();
                                  }),
              "a number holds a whole name");

const Verb* verb_of(std::string_view line) {
    return find_verb(base::upper(line.substr(0, line.find(' '))));
}

}  // namespace

std::span<const Verb> verbs() { return table; }

const Verb* find_verb(std::string_view name) {
    const auto* const found = std::ranges::lower_bound(numbers, number_of(name));
    if (found == numbers.end()) return nullptr;
    const auto& verb = table[static_cast<std::size_t>(found - numbers.begin())];
    return verb.name == name ? &verb : nullptr;
}

bool may_take_long(std::string_view line) {
    const auto* const verb = verb_of(line);
    return verb == nullptr || verb->takes_long;
}

bool may_repeat(std::string_view line) {
    const auto* const verb = verb_of(line);
    return verb != nullptr && verb->affects != Affects::files;
}

Data data_of(std::string_view line) {
    const auto* const verb = verb_of(line);
    return verb == nullptr ? Data::none : verb->data;
}

std::string_view to_string(Direction direction) {
    switch (direction) {
        case Direction::download: return "download";
        case Direction::upload: return "upload";
        case Direction::none:
        case Direction::unknown: break;
    }
    return "unknown";
}

Direction direction_of(Data data) {
    switch (data) {
        case Data::none: return Direction::none;
        case Data::listing:
        case Data::thumbnail:
        case Data::download: return Direction::download;
        case Data::upload: return Direction::upload;
    }
    std::terminate();
}

bool transfers_file(std::string_view line) {
    const auto data = data_of(line);
    return data == Data::download || data == Data::upload;
}

}  // namespace ballast::ftp
