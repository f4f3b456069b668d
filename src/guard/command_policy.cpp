// SPDX-License-Identifier: Apache-2.0
#include "guard/command_policy.h"

#include "base/ascii.h"
#include "base/pattern.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <vector>

namespace ballast::guard {

namespace {

using std::string_view;

/// Of the session itself.
constexpr auto always_allowed = std::to_array<string_view>({
    "ABOR", "ACCT", "AUTH", "CCC",  "CLNT", "EPRT", "EPSV", "FEAT", "HELP",
    "HOST", "MODE", "NOOP", "OPTS", "PASS", "PASV", "PBSZ", "PORT", "PROT",
    "QUIT", "REIN", "REST", "STAT", "STRU", "SYST", "TYPE", "USER",
});

/// What changes nothing on the server beside these. Verbs that nobody knows may change anything.
constexpr auto reading = std::to_array<string_view>({
    "ALLO", "AVBL", "CDUP", "CSID", "CWD",  "DSIZ", "HASH", "LANG",  "LIST",    "MD5",
    "MDTM", "MLSD", "MLST", "MMD5", "NLST", "PRET", "PWD",  "RANG",  "RETR",    "SIZE",
    "THMB", "XCRC", "XCUP", "XCWD", "XMD5", "XPWD", "XSHA", "XSHA1", "XSHA256", "XSHA512",
});

template <typename Verbs>
bool is_one_of(const Verbs& verbs, string_view verb) {
    return std::ranges::any_of(
        verbs, [&](string_view each) { return base::is_same_but_for_case(each, verb); });
}

/// "MDTM 20260101000000 file" sets the time on some servers.
bool sets_time(string_view verb, string_view argument) {
    constexpr std::size_t time_digits = 14;
    const auto is_digit = [](char c) { return '0' <= c && c <= '9'; };
    return verb == "MDTM" && argument.size() > time_digits && argument[time_digits] == ' ' &&
           std::ranges::all_of(argument.substr(0, time_digits), is_digit);
}

bool is_anonymous(string_view user) {
    return base::is_same_but_for_case(user, "anonymous") || base::is_same_but_for_case(user, "ftp");
}

/// "SITE CHMOD *" as the verb and the pattern.
struct ArgumentRule {
    string_view verb;
    string_view pattern;
};
ArgumentRule rule_of(string_view text) {
    const auto space = text.find(' ');
    if (space == string_view::npos) return {text, {}};
    return {text.substr(0, space), text.substr(space + 1)};
}

bool may_have_argument(const config::Listener& listener, string_view verb, string_view argument) {
    const auto is_of_verb = [&](const std::string& text) {
        return base::is_same_but_for_case(rule_of(text).verb, verb);
    };
    const auto matches = [&](const std::string& text) {
        return is_of_verb(text) &&
               base::matches(rule_of(text).pattern, argument, base::LetterCase::ignored);
    };
    if (std::ranges::any_of(listener.deny_arguments, matches)) return false;
    return std::ranges::none_of(listener.allow_arguments, is_of_verb) ||
           std::ranges::any_of(listener.allow_arguments, matches);
}

}  // namespace

std::optional<CommandRefusal> refusal_of(const config::Listener& listener, string_view verb,
                                         string_view argument) {
    const bool is_of_session = is_one_of(always_allowed, verb);
    const bool is_allowed = listener.allow_commands.empty() || is_of_session ||
                            is_one_of(listener.allow_commands, verb);
    if (!is_allowed || is_one_of(listener.deny_commands, verb))
        return CommandRefusal{502, fmt::format("{} is not allowed here.", verb)};
    if (!may_have_argument(listener, verb, argument))
        return CommandRefusal{550, fmt::format("{}: this argument is not allowed here.", verb)};
    if (listener.read_only &&
        ((!is_of_session && !is_one_of(reading, verb)) || sets_time(verb, argument)))
        return CommandRefusal{550, fmt::format("{}: nothing may be changed here.", verb)};
    if (!listener.anonymous && verb == "USER" && is_anonymous(argument))
        return CommandRefusal{530, "Anonymous log-in is not allowed here."};
    return std::nullopt;
}

}  // namespace ballast::guard
