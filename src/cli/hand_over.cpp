// SPDX-License-Identifier: Apache-2.0
#include "cli/hand_over.h"

#include "cli/printable.h"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <string_view>
#include <utility>

namespace ballast::cli {

namespace {

/// How nftables calls the things of a family.
struct Words {
    base::Family family;
    std::string_view table;
    std::string_view lifetime;  ///< that each hop makes smaller
};
constexpr Words ipv4 = {base::Family::ipv4, "ip", "ip ttl"};
constexpr Words ipv6 = {base::Family::ipv6, "ip6", "ip6 hoplimit"};

std::optional<base::Ip> address_of(const NodePorts& node, base::Family family) {
    const auto found = std::ranges::find(node.addresses, family, &base::Ip::family);
    if (found == node.addresses.end()) return std::nullopt;
    return *found;
}

/// Two nodes with a port in common.
std::optional<std::string> clash(const NodePorts& one, const NodePorts& other) {
    for (const auto& mine : one.ports)
        for (const auto& theirs : other.ports)
            if (mine.overlaps(theirs))
                return fmt::format(
                    "{} has the ports {} and {} has {}: give each node passive_ports and "
                    "active_source_port of its own",
                    printable(one.node), to_string(mine), printable(other.node), to_string(theirs));
    return std::nullopt;
}

class Rules {
public:
    Rules(std::span<const base::Ip> service, const NodePorts& self,
          std::span<const NodePorts> others)
        : service_(service), self_(self), others_(others) {}

    std::string text() {
        std::string tables;
        for (const auto& words : {ipv4, ipv6})
            if (has_service(words)) tables += table(words);
        std::string result = fmt::format(
            "# Data connections that reach this machine although they are another node's go on to "
            "it.\n# These rules are for {}. Make them again when a node is added or changes its "
            "ports or address.\n",
            printable(self_.node));
        for (const auto& note : notes_) result += "# " + note + '\n';
        return result + "nft -f - <<'END'\n" + tables + "END\n";
    }

private:
    [[nodiscard]] bool has_service(const Words& words) const {
        return std::ranges::find(service_, words.family, &base::Ip::family) != service_.end();
    }

    /// Replaces the table in one step, if there is one.
    std::string table(const Words& words) {
        std::string chains;
        std::vector<std::string> ways;
        for (std::size_t i = 0; i < others_.size(); ++i) {
            const auto& node = others_[i];
            const auto address = address_of(node, words.family);
            if (!address) {
                notes_.push_back(
                    fmt::format("{} has no {} address, so its connections over {} are "
                                "left as they are.",
                                printable(node.node), name(words), name(words)));
                continue;
            }
            const auto chain = fmt::format("node_{}", i + 1);
            // A packet that two nodes send to each other, because their rules differ, ends.
            chains += fmt::format(
                "    chain {} {{\n        # {}\n        {} > 1 dup to {}\n        drop\n    }}\n",
                chain, printable(node.node), words.lifetime, to_string(*address));
            for (const auto& ports : node.ports)
                ways.push_back(fmt::format("{} : goto {}", to_string(ports), chain));
        }
        auto result =
            fmt::format("table {0} ballast_nodes\ndelete table {0} ballast_nodes\n", words.table);
        if (ways.empty()) return result;
        return result +
               fmt::format(
                   "table {} ballast_nodes {{\n{}    chain hand_over {{\n        type filter hook "
                   "prerouting priority raw; policy accept;\n        {} tcp dport vmap {{ {} "
                   "}}\n    }}\n}}\n",
                   words.table, chains, destination(words), fmt::join(ways, ", "));
    }

    /// The match for the service's addresses.
    [[nodiscard]] std::string destination(const Words& words) const {
        std::vector<std::string> addresses;
        for (const auto& ip : service_) {
            if (ip.family() != words.family) continue;
            if (ip.is_any()) return local(words);
            if (const auto text = to_string(ip);
                std::ranges::find(addresses, text) == addresses.end())
                addresses.push_back(text);
        }
        return fmt::format("{} daddr {{ {} }}", words.table, fmt::join(addresses, ", "));
    }
    /// All addresses of this machine but the one that other nodes know.
    [[nodiscard]] std::string local(const Words& words) const {
        const auto own = address_of(self_, words.family);
        const auto but =
            own ? fmt::format("{} daddr != {} ", words.table, to_string(*own)) : std::string();
        return but + "fib daddr type local";
    }

    static std::string_view name(const Words& words) {
        return words.family == base::Family::ipv4 ? "IPv4" : "IPv6";
    }

    std::span<const base::Ip> service_;
    const NodePorts& self_;
    std::span<const NodePorts> others_;
    std::vector<std::string> notes_;
};

}  // namespace

std::expected<std::string, std::string> hand_over_rules(std::span<const base::Ip> service,
                                                        const NodePorts& self,
                                                        std::span<const NodePorts> others) {
    for (std::size_t i = 0; i < others.size(); ++i) {
        if (auto wrong = clash(self, others[i])) return std::unexpected(std::move(*wrong));
        for (std::size_t j = 0; j < i; ++j)
            if (auto wrong = clash(others[j], others[i])) return std::unexpected(std::move(*wrong));
    }
    return Rules(service, self, others).text();
}

}  // namespace ballast::cli
