// SPDX-License-Identifier: Apache-2.0
#include "guard/command_policy.h"

#include "base/ascii.h"
#include "base/pattern.h"
#include "ftp/telnet.h"
#include "ftp/verb.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace ballast::guard {

namespace {

using std::string_view;

/// Whether `name` is this verb, or the verb that this one is an old name of.
bool means(string_view name, string_view verb) {
    if (base::is_same_but_for_case(name, verb)) return true;
    const auto* const known = ftp::find_verb(verb);
    return known != nullptr && !known->usual_name.empty() &&
           base::is_same_but_for_case(name, known->usual_name);
}

bool is_one_of(const std::vector<std::string>& names, string_view verb) {
    return std::ranges::any_of(names, [&](string_view each) { return means(each, verb); });
}

/// Unknown verbs may change anything.
ftp::Affects affected_by(string_view verb) {
    const auto* const known = ftp::find_verb(verb);
    return known == nullptr ? ftp::Affects::files : known->affects;
}

/// The argument as read by servers that split it at white space: one space between words.
std::string in_words(string_view argument) {
    std::string words;
    for (const char c : argument) {
        const bool is_space = c == ' ' || c == '\t' || c == '\v' || c == '\f';
        if (!is_space)
            words += c;
        else if (!words.empty() && words.back() != ' ')
            words += ' ';
    }
    if (words.ends_with(' ')) words.pop_back();
    return words;
}

/// RFC 3659 3.1: MDTM takes a name. With a time in front of the name many servers set the time:
/// "MDTM 20260101000000 file", with a time zone ("…+180", Serv-U) or a fraction ("….5") behind it,
/// and vsftpd 3.0.3 takes 8 digits and any 6 characters behind them as well. So clients cannot ask
/// for the time of a file whose name begins like that.
bool sets_time(string_view verb, string_view argument) {
    if (verb != "MDTM") return false;
    constexpr std::size_t date_digits = 8;
    const auto words = in_words(argument);
    const auto first = string_view(words).substr(0, words.find(' '));
    const auto is_digit = [](char c) { return '0' <= c && c <= '9'; };
    return first.size() < words.size() && first.size() >= date_digits &&
           std::ranges::all_of(first.substr(0, date_digits), is_digit);
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
    if (listener.deny_arguments.empty() && listener.allow_arguments.empty()) return true;
    const auto is_of_verb = [&](const std::string& text) {
        return means(rule_of(text).verb, verb);
    };
    const auto matches = [&](const std::string& text, string_view said) {
        return is_of_verb(text) &&
               base::matches(rule_of(text).pattern, said, base::LetterCase::ignored);
    };
    const auto words = in_words(argument);
    const auto is_denied = [&](const std::string& text) {
        return matches(text, argument) || matches(text, words);
    };
    if (std::ranges::any_of(listener.deny_arguments, is_denied)) return false;
    return std::ranges::none_of(listener.allow_arguments, is_of_verb) ||
           std::ranges::any_of(listener.allow_arguments,
                               [&](const std::string& text) { return matches(text, argument); });
}

/// The refusal for one way in which a server may read the argument.
std::optional<CommandRefusal> refusal_of_reading(const config::Listener& listener, string_view verb,
                                                 string_view argument) {
    if (!may_have_argument(listener, verb, argument))
        return CommandRefusal{550, fmt::format("{}: this argument is not allowed here.", verb)};
    if (listener.read_only && sets_time(verb, argument))
        return CommandRefusal{550, fmt::format("{} is not allowed here: read-only.", verb)};
    if (!listener.anonymous && verb == "USER" && is_anonymous(argument))
        return CommandRefusal{530, "Anonymous login is not allowed here."};
    return std::nullopt;
}

}  // namespace

std::optional<CommandRefusal> refusal_of(const config::Listener& listener, string_view verb,
                                         string_view argument) {
    const auto affected = affected_by(verb);
    const bool is_allowed = listener.allow_commands.empty() || affected == ftp::Affects::session ||
                            is_one_of(listener.allow_commands, verb);
    if (!is_allowed || is_one_of(listener.deny_commands, verb))
        return CommandRefusal{502, fmt::format("{} is not allowed here.", verb)};
    if (listener.read_only && affected == ftp::Affects::files)
        return CommandRefusal{550, fmt::format("{} is not allowed here: read-only.", verb)};
    // This way needs no memory.
    if (!ftp::has_other_readings(argument)) return refusal_of_reading(listener, verb, argument);
    for (const auto& each : ftp::telnet_readings(argument))
        if (auto refusal = refusal_of_reading(listener, verb, each)) return refusal;
    return std::nullopt;
}

}  // namespace ballast::guard
