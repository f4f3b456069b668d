// SPDX-License-Identifier: Apache-2.0
#include "config/destination.h"

#include "base/address.h"
#include "base/ascii.h"
#include "base/port_range.h"
#include "config/spelling.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <ranges>
#include <utility>

namespace ballast::config {

namespace {

constexpr std::size_t name_bytes_max = 253;  // RFC 1035 2.3.4
constexpr std::size_t label_bytes_max = 63;

bool is_digit(char c) { return '0' <= c && c <= '9'; }

bool is_label(std::string_view label) {
    // RFC 1123 2.1, and the underscore that private zones and container networks use.
    const auto good = [](char c) {
        return is_digit(c) || ('a' <= base::to_lower(c) && base::to_lower(c) <= 'z') || c == '-' ||
               c == '_';
    };
    return !label.empty() && label.size() <= label_bytes_max && label.front() != '-' &&
           label.back() != '-' && std::ranges::all_of(label, good);
}

bool is_host_name(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > name_bytes_max) return false;
    std::string_view last;
    for (const auto part : std::views::split(name, '.')) {
        last = std::string_view(part.begin(), part.end());
        if (!is_label(last)) return false;
    }
    // RFC 1123 2.1: a name whose last label is a number is an address, so here it is a wrong one.
    return !std::ranges::all_of(last, is_digit);
}

Refusal no_host(std::string_view host) {
    return {fmt::format("{} is neither an address nor a host name", in_quotes(host)),
            "write \"192.0.2.1:21\", \"[2001:db8::1]:21\" or \"ftp1.example.org:21\""};
}

/// "host:21" of "ftp://user@host:21/path"; empty if the text is not a URL.
std::optional<Refusal> refusal_of_url(std::string_view text) {
    const auto scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) return std::nullopt;
    auto authority = text.substr(scheme_end + 3);
    authority = authority.substr(0, authority.find('/'));
    authority = authority.substr(authority.rfind('@') + 1);
    return Refusal{fmt::format("{} is a URL", in_quotes(text)),
                   authority.empty()
                       ? "write \"HOST:PORT\" or \"HOST\""
                       : fmt::format("write \"{}\"; TLS is set in the table tls", authority)};
}

}  // namespace

std::expected<Destination, Refusal> parse_destination(std::string_view text,
                                                      std::uint16_t otherwise) {
    if (auto url = refusal_of_url(text)) return std::unexpected(std::move(*url));
    Destination destination{.host = {}, .port = otherwise};
    std::string_view host = text;
    std::string_view port;
    bool has_port = false;
    const bool bracketed = text.starts_with('[');
    if (bracketed) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return std::unexpected(no_host(text));
        host = text.substr(1, close - 1);
        const auto rest = text.substr(close + 1);
        has_port = !rest.empty();
        if (has_port && !rest.starts_with(':')) return std::unexpected(no_host(text));
        if (has_port) port = rest.substr(1);
    } else if (std::ranges::count(text, ':') > 1) {
        return std::unexpected(
            Refusal{fmt::format("{} is an IPv6 address without brackets", in_quotes(text)),
                    "write \"[2001:db8::1]\" or, with the port, \"[2001:db8::1]:21\""});
    } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        has_port = true;
    }

    if (has_port) {
        destination.port = base::parse_port(port).value_or(0);
        if (destination.port == 0)
            return std::unexpected(
                Refusal{fmt::format("{} is not a port", in_quotes(port)), "use 1 to 65535"});
    }

    if (const auto ip = base::Ip::parse(host); ip && (bracketed == host.contains(':'))) {
        destination.host = base::to_string(*ip);
        return destination;
    }
    if (bracketed || !is_host_name(host)) return std::unexpected(no_host(host));
    destination.host = base::lower(host);
    return destination;
}

std::expected<std::string, Refusal> parse_host_name(std::string_view text) {
    if (!is_host_name(text))
        return std::unexpected(
            Refusal{fmt::format("{} is not a host name", in_quotes(text)),
                    "write a name without a port, such as \"_ftp._tcp.example.com\""});
    return base::lower(text);
}

std::string to_string(const Destination& destination) {
    const bool is_ipv6 = destination.host.contains(':');
    return is_ipv6 ? fmt::format("[{}]:{}", destination.host, destination.port)
                   : fmt::format("{}:{}", destination.host, destination.port);
}

}  // namespace ballast::config
