// SPDX-License-Identifier: Apache-2.0
#include "session/backend_user.h"

#include "base/pattern.h"
#include "ftp/telnet.h"

#include <algorithm>

namespace ballast::session {

std::string backend_user(std::span<const config::UserRule> rules, std::string_view user) {
    const auto readings =
        rules.empty() ? std::vector<base::WipedString>() : ftp::telnet_readings(user);
    const auto rule = std::ranges::find_if(rules, [&](const config::UserRule& each) {
        return std::ranges::any_of(
            readings, [&](std::string_view name) { return base::matches(each.pattern, name); });
    });
    if (rule == rules.end()) return std::string(user);
    constexpr std::string_view placeholder = "{user}";
    std::string name;
    std::string_view rest = rule->name;
    for (auto at = rest.find(placeholder); at != std::string_view::npos;
         at = rest.find(placeholder)) {
        name += rest.substr(0, at);
        name += user;
        rest.remove_prefix(at + placeholder.size());
    }
    return name += rest;
}

}  // namespace ballast::session
