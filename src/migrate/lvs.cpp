// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs.h"

#include "base/port_range.h"
#include "migrate/keepalived_vocabulary.h"

#include <ranges>

namespace ballast::migrate {

const Said* Options::find(std::string_view word) const {
    for (const auto& [each, said] : all_ | std::views::reverse)
        if (each == word) return &said;
    return nullptr;
}

bool LvsService::is_v4() const {
    if (!addresses.empty()) return addresses.front().ip.is_v4();
    return servers.empty() || servers.front().ip.is_v4();
}

void Teller::tell(const Said& said, Outcome outcome, std::string_view text) {
    report_.add(said.place, said.text, outcome, text);
    told_.insert(&said);
}

void Teller::tell_rest(const Options& options, std::string_view context) {
    for (const auto& [word, said] : options.all()) {
        if (told_.contains(&said)) continue;
        const auto* const vocable = find_vocable(context, word);
        if (said.value == "off" || said.value == "false" || said.value == "no")
            tell(said, Outcome::not_needed, "it is off");
        else if (vocable == nullptr || vocable->text.empty())
            tell(said, Outcome::not_needed, "another one of the same name counts");
        else
            tell(said, vocable->outcome, vocable->text);
    }
}

std::optional<base::Address> address_of(std::string_view ip, std::string_view port) {
    const auto parsed = base::Ip::parse(ip);
    const auto number = port.empty() ? std::optional<std::uint16_t>(0) : base::parse_port(port);
    if (!parsed || !number) return std::nullopt;
    return base::Address{*parsed, *number};
}

}  // namespace ballast::migrate
