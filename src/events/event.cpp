// SPDX-License-Identifier: Apache-2.0
#include "events/event.h"

#include "base/address.h"

#include <algorithm>

namespace ballast::events {

namespace {

/// Whether the event names this address, with or without a port.
bool is_from(std::string_view client, const std::string& address) {
    if (client == address) return true;
    const auto parsed = base::Address::parse(client);
    return parsed && base::to_string(parsed->ip) == address;
}

}  // namespace

std::string_view Event::text(std::string_view name) const {
    const auto found = std::ranges::find(fields, name, &Field::name);
    if (found == fields.end()) return {};
    const auto* const said = std::get_if<std::string>(&found->value);
    return said == nullptr ? std::string_view() : *said;
}

bool Filter::wants(Kind kind) const {
    return kinds.empty() || std::ranges::find(kinds, kind) != kinds.end();
}

bool Filter::wants(const Event& event) const {
    const auto is_same = [&](std::string_view name, const std::string& wanted) {
        return wanted.empty() || event.text(name) == wanted;
    };
    return wants(event.kind) && is_same("pool", pool) && is_same("backend", backend) &&
           is_same("listener", listener) && is_same("user", user) &&
           (client.empty() || is_from(event.text("client"), client));
}

}  // namespace ballast::events
