// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd_class.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace ballast::migrate::proftpd {

namespace {

Class class_of(const Directive& block) {
    Class result;
    for (const auto& line : block.inside) {
        // Another line is Satisfy, which may ask for all of the networks.
        result.is_list = result.is_list && line.is("From");
        for (const auto& word : line.words) {
            const auto network = network_of(word);
            result.is_list = result.is_list && network.has_value();
            if (network) result.networks.push_back(*network);
        }
    }
    return result;
}

bool overlap(const base::Subnet& one, const base::Subnet& other) {
    return one.contains(other.first()) || other.contains(one.first());
}

bool overlap(const Class& one, const Class& other) {
    return !one.is_list || std::ranges::any_of(one.networks, [&](const auto& network) {
        return std::ranges::any_of(other.networks,
                                   [&](const auto& each) { return overlap(network, each); });
    });
}

}  // namespace

Classes classes_of(const File& file) {
    Classes classes;
    std::size_t count = 0;
    for (const auto& directive : file.directives) {
        if (!directive.is_block || !directive.is("Class")) continue;
        auto next = class_of(directive);
        count += 1 + next.networks.size();
        // A client that is in several has the first of them only.
        if (count > networks_max || std::ranges::any_of(classes, [&](const auto& earlier) {
                return overlap(earlier.second, next);
            }))
            next = {{}, false};
        const auto [known, is_new] = classes.emplace(directive.word(0), std::move(next));
        if (!is_new) known->second.is_list = false;
    }
    return classes;
}

std::optional<base::Subnet> network_of(std::string_view text) {
    const auto dots = std::ranges::count(text, '.');
    std::string whole(text);
    if (text.ends_with('.') && dots >= 1 && dots <= 3) {
        for (auto i = dots; i < 3; ++i) whole += "0.";
        whole += fmt::format("0/{}", 8 * dots);
    }
    return base::Subnet::parse(whole);
}

}  // namespace ballast::migrate::proftpd
