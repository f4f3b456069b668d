// SPDX-License-Identifier: Apache-2.0
#include "config/kinds.h"

#include "config/amount.h"
#include "config/destination.h"
#include "config/spelling.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace ballast::config {

namespace {

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", text); }

/// As a basic TOML string. The text has no control characters.
std::string toml_string(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

std::string from_to(std::uint32_t min, std::uint32_t max) {
    return fmt::format("{} to {}", min, max);
}

std::string from_to(Duration min, Duration max) {
    return fmt::format("\"{}\" to \"{}\"", duration_text(min), duration_text(max));
}

std::string bytes_from_to(std::size_t min, std::size_t max, std::string_view each = "") {
    return fmt::format("{} to {} bytes{}, no control characters", min, max, each);
}

/// "[a, b]"; without elements "[]".
std::string list_of(const auto& values, auto text_of_one) {
    std::string result;
    for (const auto& value : values)
        result += fmt::format("{}{}", result.empty() ? "" : ", ", text_of_one(value));
    return '[' + result + ']';
}

std::string quoted_network(const base::Subnet& network) { return quoted(to_string(network)); }

}  // namespace

std::string Flag::shown(ConstRecord values) const { return values[member] ? "true" : "false"; }

std::string Number::range() const { return from_to(min, max); }
std::string Number::shown(ConstRecord values) const { return fmt::to_string(values[member]); }

std::string Time::range() const { return from_to(min, max); }
std::string Time::shown(ConstRecord values) const { return quoted(duration_text(values[member])); }

std::string OptionalNumber::range() const { return from_to(min, max); }
std::string OptionalNumber::shown(ConstRecord values) const {
    const auto& said = values[member];
    return said ? fmt::to_string(*said) : std::string(otherwise);
}

std::string OptionalTime::range() const { return from_to(min, max); }
std::string OptionalTime::shown(ConstRecord values) const {
    const auto& said = values[member];
    return said ? quoted(duration_text(*said)) : std::string(otherwise);
}

std::string Size::range() const {
    return fmt::format("\"{}\" to \"{}\"", size_text(min), size_text(max));
}
std::string Size::shown(ConstRecord values) const { return quoted(size_text(values[member])); }

std::string Rate::range() const {
    return fmt::format("{}\"{}\" to \"{}\"", may_be_off ? "\"off\", or " : "", rate_text(min),
                       rate_text(max));
}
std::string Rate::shown(ConstRecord values) const { return quoted(rate_text(values[member])); }

std::string Text::range() const { return bytes_from_to(bytes_min, bytes_max); }
std::string Text::shown(ConstRecord values) const { return toml_string(values[member]); }

std::string Texts::range() const { return bytes_from_to(bytes_min, bytes_max, " each"); }
std::string Texts::shown(ConstRecord values) const {
    const auto& texts = values[member];
    return texts.size() == 1 ? toml_string(texts.front()) : list_of(texts, toml_string);
}

bool is_name(std::string_view text) {
    const auto good = [](char c) {
        return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
               c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= name_bytes_max && std::ranges::all_of(text, good);
}

std::string Name::range() const {
    return fmt::format("{} to {} letters, digits, '-' and '_'", may_be_empty ? 0 : 1,
                       name_bytes_max);
}
std::string Name::shown(ConstRecord values) const { return quoted(values[member]); }

std::string Formed::shown(ConstRecord values) const { return quoted(values[member]); }

std::string Word::range() const {
    std::vector<std::string> quotes;
    for (const auto each : words) quotes.push_back(quoted(each));
    return listed(std::vector<std::string_view>(quotes.begin(), quotes.end()));
}
std::string Word::shown(ConstRecord values) const { return quoted(of(values)); }

std::string Addresses::shown(ConstRecord values) const {
    return list_of(values[member], [](const auto& address) { return quoted(to_string(address)); });
}

std::string Ports::shown(ConstRecord values) const { return quoted(to_string(values[member])); }

std::string OptionalPorts::shown(ConstRecord values) const {
    const auto& said = values[member];
    return said ? quoted(to_string(*said)) : "none";
}

std::string Networks::shown(ConstRecord values) const {
    const auto& networks = values[member];
    return networks.size() == 1 ? quoted_network(networks.front())
                                : list_of(networks, quoted_network);
}

std::string Peer::shown(ConstRecord values) const {
    const auto& peer = values[member];
    switch (peer.kind) {
        case DataPeer::Kind::exact: return quoted("exact");
        case DataPeer::Kind::any: return quoted("any");
        case DataPeer::Kind::network: break;
    }
    return quoted_network(*peer.network);
}

std::string Sources::shown(ConstRecord values) const {
    const auto& source = values[member];
    const auto quoted_ip = [](const base::Ip& ip) { return quoted(base::to_string(ip)); };
    switch (source.kind) {
        case Source::Kind::system: return quoted("system");
        case Source::Kind::client: return quoted("client");
        case Source::Kind::addresses: break;
    }
    return source.addresses.size() == 1 ? quoted_ip(source.addresses.front())
                                        : list_of(source.addresses, quoted_ip);
}

std::string Announced::shown(ConstRecord values) const {
    std::string result;
    for (const auto& rule : values[member]) {
        const auto whom = rule.network ? quoted_network(*rule.network) : "default";
        const auto local_or_name = rule.name.empty() ? "local" : rule.name;
        const auto what = rule.address ? to_string(*rule.address) : local_or_name;
        result += fmt::format("{} {} = \"{}\"", result.empty() ? "" : ",", whom, what);
    }
    return result.empty() ? quoted("local") : '{' + result + " }";
}

std::string UserNames::shown(ConstRecord values) const {
    std::string result;
    for (const auto& rule : values[member])
        result += fmt::format("{} {} = {}", result.empty() ? "" : ",", toml_string(rule.pattern),
                              toml_string(rule.name));
    return result.empty() ? "{}" : '{' + result + " }";
}

std::string SourcePort::shown(ConstRecord values) const {
    const auto& source = values[member];
    switch (source.kind) {
        case ActiveSource::Kind::ephemeral: return quoted("ephemeral");
        case ActiveSource::Kind::below_control: return quoted("below-control");
        case ActiveSource::Kind::fixed: break;
    }
    return fmt::to_string(source.port);
}

std::string HostPort::shown(ConstRecord values) const {
    if (values[host].empty()) return quoted("");
    return quoted(to_string(Destination{values[host], values[port]}));
}

std::string type_of(const Kind& kind) {
    return std::visit([](const auto& one) { return one.type(); }, kind);
}

std::string range_of(const Kind& kind) {
    return std::visit([](const auto& one) { return one.range(); }, kind);
}

std::string shown(const Kind& kind, ConstRecord values) {
    return std::visit([&](const auto& one) { return one.shown(values); }, kind);
}

bool is_said(const Kind& kind, ConstRecord values) {
    if (const auto* number = std::get_if<OptionalNumber>(&kind))
        return values[number->member].has_value();
    if (const auto* time = std::get_if<OptionalTime>(&kind))
        return values[time->member].has_value();
    if (const auto* ports = std::get_if<OptionalPorts>(&kind))
        return values[ports->member].has_value();
    return true;
}

bool may_be_unsaid(const Kind& kind) {
    return std::holds_alternative<OptionalNumber>(kind) ||
           std::holds_alternative<OptionalTime>(kind) ||
           std::holds_alternative<OptionalPorts>(kind);
}

}  // namespace ballast::config
