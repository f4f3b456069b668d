// SPDX-License-Identifier: Apache-2.0
#include "config/check_commands.h"

#include "config/spelling.h"
#include "ftp/verb.h"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::config {

namespace {

using std::string_view;

std::string upper(string_view text) {
    std::string result(text);
    for (char& c : result)
        if ('a' <= c && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return result;
}

/// Letters and digits, as in all commands.
bool is_verb(string_view text) {
    return !text.empty() && std::ranges::all_of(upper(text), [](char c) {
        return ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9');
    });
}

std::vector<string_view> known_verbs() {
    std::vector<string_view> names;
    for (const auto& verb : ftp::verbs()) names.push_back(verb.name);
    return names;
}

class CommandsCheck {
public:
    CommandsCheck(const Listener& listener, Findings findings)
        : listener_(listener), findings_(findings) {}

    void run() {
        commands("allow_commands", listener_.allow_commands);
        commands("deny_commands", listener_.deny_commands);
        arguments("allow_arguments", listener_.allow_arguments);
        arguments("deny_arguments", listener_.deny_arguments);
        contradictions();
    }

private:
    [[nodiscard]] std::string key(string_view name) const {
        return fmt::format("{}.{}", listener_.where.key, name);
    }
    /// The key of one of several texts, or of the only one.
    [[nodiscard]] std::string key(string_view name, std::size_t index) const {
        auto element = fmt::format("{}[{}]", key(name), index);
        return findings_.is_said(element) ? element : key(name);
    }

    void commands(string_view name, const std::vector<std::string>& texts) {
        if (!findings_.holds(key(name))) return;
        const bool denies = name.starts_with("deny");
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto& text = texts[i];
            const auto where = key(name, i);
            if (is_verb(text.substr(0, text.find(' '))) && text.contains(' '))
                findings_.add(where,
                              fmt::format("{} is a command with an argument", in_quotes(text)),
                              fmt::format("move it to {}_arguments", denies ? "deny" : "allow"));
            else if (denies && is_of_login(text))
                cannot_be_denied(where, text);
            else
                known(where, text);
        }
    }

    void arguments(string_view name, const std::vector<std::string>& texts) {
        if (!findings_.holds(key(name))) return;
        const bool denies = name.starts_with("deny");
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto& text = texts[i];
            const auto where = key(name, i);
            const auto space = text.find(' ');
            const auto verb = text.substr(0, space);
            if (space != std::string::npos) {
                const bool is_any = text.find_first_not_of("* ", space) == std::string::npos;
                if (denies && is_any && is_of_login(verb))
                    cannot_be_denied(where, verb);
                else
                    known(where, verb);
            } else if (ftp::find_verb(upper(verb)) != nullptr) {
                findings_.add(where,
                              fmt::format("{} has no pattern for the argument", in_quotes(text)),
                              denies ? fmt::format("write \"{} *.exe\" or the like; to deny the "
                                                   "command itself use deny_commands",
                                                   upper(verb))
                                     : fmt::format("write \"{} *.txt\" or the like; without an "
                                                   "entry every argument is allowed",
                                                   upper(verb)));
            } else {
                findings_.add(where, fmt::format("{} has no command in front", in_quotes(text)),
                              fmt::format("write the command and the pattern, such as \"STOR {}\"",
                                          is_verb(text) ? "*.exe" : text));
            }
        }
    }

    static bool is_of_login(string_view verb) {
        return upper(verb) == "USER" || upper(verb) == "PASS";
    }
    void cannot_be_denied(const std::string& where, string_view verb) {
        findings_.add(where, fmt::format("without {} nobody could log in", upper(verb)),
                      "remove it; deny_from, or a route with reject, keeps clients out");
    }

    /// Commands that only a server knows are forwarded, so they may have rules.
    void known(const std::string& where, string_view verb) {
        if (!is_verb(verb))
            return findings_.add(
                where, fmt::format("{} is not a command", in_quotes(verb)),
                "write each command with its name, such as \"STOR\"; patterns are for arguments");
        const auto name = upper(verb);
        if (ftp::find_verb(name) != nullptr) return;
        if (const auto near = nearest(name, known_verbs()))
            return findings_.add(where, fmt::format("unknown command {}", in_quotes(verb)),
                                 fmt::format("did you mean {}?", *near));
        findings_.warn(where, fmt::format("unknown command {}", in_quotes(verb)),
                       "correct it, unless your servers have a command of that name");
    }

    void contradictions() {
        if (!findings_.holds(key("allow_commands")) || !findings_.holds(key("deny_commands")))
            return;
        const auto& denied = listener_.deny_commands;
        for (std::size_t i = 0; i < listener_.allow_commands.size(); ++i) {
            const auto name = upper(listener_.allow_commands[i]);
            if (std::ranges::any_of(denied, [&](const auto& each) { return upper(each) == name; }))
                findings_.warn(key("allow_commands", i),
                               fmt::format("{} is in deny_commands too, which decides", name),
                               "remove one of them");
        }
    }

    const Listener& listener_;
    Findings findings_;
};

}  // namespace

void check_commands(const Listener& listener, Findings findings) {
    CommandsCheck(listener, findings).run();
}

}  // namespace ballast::config
