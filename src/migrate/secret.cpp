// SPDX-License-Identifier: Apache-2.0
#include "migrate/secret.h"

#include "base/ascii.h"
#include "base/pattern.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace ballast::migrate {

namespace {

using std::string_view;

/// The words before a secret.
struct Mark {
    string_view first;
    string_view second;        ///< empty: any
    std::size_t shown = 0;     ///< words between them and the secret
    bool is_anywhere = false;  ///< not only at the beginning
};
constexpr auto marks = std::to_array<Mark>({
    // keepalived. The arguments of scripts may be passwords.
    {"auth_pass", {}, 0, true},
    {"password", {}, 0, true},
    {"key", {}},
    {"misc_path", {}, 1},
    {"script", {}, 1},
    {"notify*", {}, 1},
    {"quorum_*", {}, 1},
    // HAProxy.
    {"setenv", {}, 1},
    {"presetenv", {}, 1},
    {"stats", "auth"},
    {"tcp-check", "send*"},
    {"http-check", "send*"},
    {"insecure-password", {}, 0, true},
    // ProFTPD.
    {"sql*", {}},
    {"ldap*", {}},
    {"radius*", {}},
    {"redisserver", {}, 1},
    {"*password", {}},
});

bool is_like(string_view word, string_view pattern) {
    return base::matches(pattern, word, base::LetterCase::ignored);
}

std::vector<string_view> words_in(string_view text) {
    std::vector<string_view> words;
    for (text = base::trimmed(text); !text.empty(); text = base::trimmed(text)) {
        words.push_back(text.substr(0, text.find_first_of(base::blanks)));
        text.remove_prefix(words.back().size());
    }
    return words;
}

/// How many of these words may be shown.
std::size_t shown_words(std::span<const string_view> words) {
    // "@id", a condition of keepalived.
    const std::size_t begin = !words.empty() && words.front().starts_with('@') ? 1 : 0;
    for (std::size_t i = begin; i < words.size(); ++i)
        for (const auto& [first, second, shown, is_anywhere] : marks) {
            if (i != begin && !is_anywhere) continue;
            const bool has_second =
                second.empty() || (i + 1 < words.size() && is_like(words[i + 1], second));
            if (has_second && is_like(words[i], first))
                return std::min(words.size(), i + (second.empty() ? 1 : 2) + shown);
        }
    return words.size();
}

/// ftp://user:password@host
void hide_password(std::string& text) {
    for (auto at = text.find("://"); at != std::string::npos; at = text.find("://", at)) {
        at += 3;
        const auto url = string_view(text).substr(at, text.find_first_of(" \t\"'", at) - at);
        const auto colon = url.find(':');
        const auto sign = url.rfind('@');
        if (colon < sign && sign < url.size())
            text.replace(at + colon + 1, sign - colon - 1, "...");
    }
}

/// $NAME=VALUE of keepalived.
bool is_definition(string_view word) { return word.starts_with('$') && word.contains('='); }

}  // namespace

std::string without_secret(string_view directive) {
    constexpr string_view hidden = "...";
    const auto words = words_in(directive);
    const auto definition = std::ranges::find_if(words, is_definition);
    if (definition != words.end()) {
        const auto begin = static_cast<std::size_t>(definition->data() - directive.data());
        return std::string(directive.substr(0, directive.find('=', begin) + 1)).append(hidden);
    }
    std::string text(directive);
    if (const auto count = shown_words(words); count < words.size()) {
        const auto end = words[count].data() - directive.data();
        text.resize(static_cast<std::size_t>(end));
        const bool is_open = std::ranges::count(text, '"') % 2 != 0;
        text.append(hidden).append(is_open ? "\"" : "");
    }
    hide_password(text);
    return text;
}

}  // namespace ballast::migrate
