// SPDX-License-Identifier: Apache-2.0
#include "cli/nodes.h"

#include "cli/hand_over.h"
#include "cli/running_daemon.h"
#include "cli/views.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cli {

namespace {

/// What `parse` makes of the words of a text. Words of another version of Ballast are left out.
template <typename T>
std::vector<T> parsed(std::string_view text) {
    std::vector<T> result;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        if (const auto value = T::parse(word)) result.push_back(*value);
        text.remove_prefix(std::min(text.size(), word.size() + 1));
    }
    return result;
}

NodePorts ports_of(const json::object& node) {
    return {.node = text_at(node, "name"),
            .addresses = parsed<base::Ip>(text_at(node, "address")),
            .ports = parsed<base::PortRange>(text_at(node, "ports"))};
}

std::vector<base::Ip> addresses_of(const json::object& listeners) {
    std::vector<base::Ip> result;
    for (const auto& listener : list_at(listeners, "listeners"))
        for (const auto& each : list_at(as_object(listener), "addresses")) {
            const auto* const text = each.if_string();
            const auto address = text == nullptr ? std::nullopt : base::Address::parse(*text);
            if (address) result.push_back(address->ip);
        }
    return result;
}

Outcome<std::string> rules_of(const json::object& nodes, const json::object& listeners) {
    std::optional<NodePorts> self;
    std::vector<NodePorts> others;
    for (const auto& each : list_at(nodes, "nodes")) {
        const auto& node = as_object(each);
        // It runs beside the one that has replaced it, with the same ports.
        if (text_at(node, "state") == "replaced") continue;
        if (!flag_at(node, "self")) {
            others.push_back(ports_of(node));
            continue;
        }
        if (text_at(node, "store") != "connected")
            return std::unexpected(Failure{
                "This Ballast does not know the other nodes: it has no store, or cannot reach it. "
                "Set [cluster] store, and try again when `ballast nodes` shows it as connected."});
        self = ports_of(node);
    }
    if (!self) return std::unexpected(Failure{"The running Ballast does not name its node."});
    auto rules = hand_over_rules(addresses_of(listeners), *self, others);
    if (!rules) return std::unexpected(Failure{std::move(rules.error())});
    return std::move(*rules);
}

Outcome<void> print_rules(const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return std::unexpected(daemon.error());
    const auto nodes = daemon->ask_for_list("/v1/nodes", "nodes");
    if (!nodes) return std::unexpected(nodes.error());
    const auto listeners = daemon->ask_for_list("/v1/listeners", "listeners");
    if (!listeners) return std::unexpected(listeners.error());
    const auto rules = rules_of(*nodes, *listeners);
    if (!rules) return std::unexpected(rules.error());
    fmt::print("{}", *rules);
    return {};
}

}  // namespace

Status nodes(const CommandLine& wanted) {
    return wanted.rules ? status_of(print_rules(wanted)) : show_nodes(wanted);
}

}  // namespace ballast::cli
