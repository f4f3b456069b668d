// SPDX-License-Identifier: Apache-2.0
#include "migrate/names.h"

#include "config/kinds.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::migrate {

std::string Names::make(std::string_view wanted, std::string_view otherwise) {
    constexpr std::size_t room_for_number = 12;
    std::string name;
    for (const char c : wanted.substr(0, config::name_bytes_max - room_for_number)) {
        const bool is_good = config::is_name(std::string_view(&c, 1));
        if (is_good || (!name.empty() && name.back() != '-')) name += is_good ? c : '-';
    }
    while (name.ends_with('-')) name.pop_back();
    if (name.empty()) name = otherwise;
    auto& next = taken_[name];
    auto unique = next == 0 ? name : std::string();
    next = std::max<std::size_t>(next, 2);
    while (unique.empty()) {
        unique = fmt::format("{}-{}", name, next++);
        if (!taken_.try_emplace(unique, 2).second) unique.clear();
    }
    return unique;
}

}  // namespace ballast::migrate
