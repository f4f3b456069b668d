// SPDX-License-Identifier: Apache-2.0
#include "ftp/host_port.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/port_range.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <fmt/format.h>

namespace ballast::ftp {

namespace {

constexpr std::size_t host_port_numbers = 6;
using HostPort = std::array<std::uint8_t, host_port_numbers>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_printable(char c) { return c > ' ' && c <= '~'; }

bool is_letter_or_digit(char c) {
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

std::string_view leading_digits(std::string_view text) {
    return {text.begin(), std::ranges::find_if_not(text, is_digit)};
}

std::optional<std::uint8_t> octet(std::string_view digits) {
    if (digits.size() > 3) return std::nullopt;
    return base::parse_number<std::uint8_t>(digits);
}

std::expected<std::uint16_t, HostPortError> port_number(std::string_view digits) {
    const auto port = base::parse_port(digits);
    if (digits.size() > 5 || !port) return std::unexpected(HostPortError::syntax);
    if (*port == 0) return std::unexpected(HostPortError::port_zero);
    return *port;
}

std::expected<base::Address, HostPortError> address_of(const HostPort& numbers) {
    const auto port = static_cast<std::uint16_t>(numbers[4] * 256 + numbers[5]);
    if (port == 0) return std::unexpected(HostPortError::port_zero);
    return base::Address{base::Ip::from_v4({numbers[0], numbers[1], numbers[2], numbers[3]}), port};
}

/// RFC 2428 2: protocol 1 is IPv4, 2 is IPv6. Any other number is unknown.
std::expected<base::Family, HostPortError> family_of(std::string_view number) {
    if (number == "1") return base::Family::ipv4;
    if (number == "2") return base::Family::ipv6;
    const bool is_number = !number.empty() && std::ranges::all_of(number, is_digit);
    return std::unexpected(is_number ? HostPortError::family : HostPortError::syntax);
}

/// The three fields of "|1|192.0.2.1|6275|". None: the text does not have that form.
std::optional<std::array<std::string_view, 3>> extended_fields(std::string_view text) {
    if (text.empty() || !is_printable(text.front()) ||
        std::ranges::count(text, text.front()) != 4 || text.back() != text.front())
        return std::nullopt;
    std::array<std::string_view, 3> fields;
    const char delimiter = text.front();
    for (auto& field : fields) {
        text.remove_prefix(1);
        field = text.substr(0, text.find(delimiter));
        text.remove_prefix(field.size());
    }
    return fields;
}

/// The address in a line, and where its numbers are.
struct Place {
    PassiveReply reply;
    std::string_view numbers;
};
using Found = std::optional<std::expected<Place, HostPortError>>;

Found found_port(std::string_view digits) {
    const auto port = port_number(digits);
    if (!port) return std::unexpected(port.error());
    return Place{{std::nullopt, *port}, digits};
}

/// RFC 2428 3, "(|||port|)". Some servers fill the fields that the RFC leaves empty; they are
/// ignored. A digit is not a delimiter: "(192,0,2,1,24,131)" has four in matching places.
Found extended_in_parentheses(std::string_view line) {
    for (auto open = line.find('('); open != std::string_view::npos;
         open = line.find('(', open + 1)) {
        const auto close = line.find(')', open);
        if (close == std::string_view::npos) break;
        const auto inside = line.substr(open + 1, close - open - 1);
        if (inside.empty() || is_letter_or_digit(inside.front())) continue;
        const auto fields = extended_fields(inside);
        if (fields && !fields->at(2).empty() && std::ranges::all_of(fields->at(2), is_digit))
            return found_port(fields->at(2));
    }
    return std::nullopt;
}

/// The same without parentheses, "!!!port!". A full stop is not a delimiter: "in 5...4...3".
Found extended_anywhere(std::string_view line) {
    for (std::size_t i = 0; i + 4 < line.size(); ++i) {
        const char delimiter = line[i];
        if (!is_printable(delimiter) || is_letter_or_digit(delimiter) || delimiter == '.') continue;
        if (line[i + 1] != delimiter || line[i + 2] != delimiter) continue;
        const auto digits = leading_digits(line.substr(i + 3));
        const auto behind = line.substr(i + 3 + digits.size());
        if (!digits.empty() && behind.starts_with(delimiter)) return found_port(digits);
    }
    return std::nullopt;
}

/// Removes a "," and the spaces around it from the front.
bool take_comma(std::string_view& text) {
    const auto skip_spaces = [&] {
        text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    };
    auto before = text;
    skip_spaces();
    if (!text.starts_with(',')) {
        text = before;
        return false;
    }
    text.remove_prefix(1);
    skip_spaces();
    return true;
}

/// RFC 1123 4.1.2.6: the first six numbers with commas between them, in any place. Longer rows are
/// skipped, because they are not an address.
Found six_numbers(std::string_view line) {
    while (!line.empty()) {
        if (!is_digit(line.front())) {
            line.remove_prefix(1);
            continue;
        }
        const char* const begin = line.data();
        const char* end = begin;
        HostPort numbers{};
        std::size_t count = 0;
        bool all_octets = true;
        do {
            const auto digits = leading_digits(line);
            if (digits.empty()) break;
            line.remove_prefix(digits.size());
            end = line.data();
            const auto number = octet(digits);
            all_octets = all_octets && number;
            if (count < numbers.size()) numbers.at(count) = number.value_or(0);
            ++count;
        } while (take_comma(line));
        if (count != numbers.size() || !all_octets) continue;
        const auto address = address_of(numbers);
        if (!address) return std::unexpected(address.error());
        return Place{{address->ip, address->port}, {begin, end}};
    }
    return std::nullopt;
}

/// JFileServer on IPv6: "(0:0:0:0:0:0:0:1,p1,p2)". IPv4 addresses in that place also match.
Found address_and_two_numbers(std::string_view line) {
    constexpr std::string_view address_characters = "0123456789abcdefABCDEF:.";
    for (;;) {
        const auto begin = line.find_first_of(address_characters);
        if (begin == std::string_view::npos) return std::nullopt;
        line.remove_prefix(begin);
        const char* const start = line.data();
        const auto word =
            line.substr(0, std::min(line.find_first_not_of(address_characters), line.size()));
        line.remove_prefix(word.size());
        const auto ip = base::Ip::parse(word);
        if (!ip) continue;
        // The scope names one of the server's links. It means nothing here.
        if (line.starts_with('%')) line.remove_prefix(std::min(line.find(','), line.size()));
        if (!take_comma(line)) continue;
        const auto high = leading_digits(line);
        line.remove_prefix(high.size());
        if (!octet(high) || !take_comma(line)) continue;
        const auto low = leading_digits(line);
        line.remove_prefix(low.size());
        if (!octet(low)) continue;
        const auto port = static_cast<std::uint16_t>(*octet(high) * 256 + *octet(low));
        if (port == 0) return std::unexpected(HostPortError::port_zero);
        return Place{{ip, port}, {start, line.data()}};
    }
}

Found data_port_in(std::string_view line) {
    const auto code = leading_digits(line);
    if (code.size() == 3 && !line.substr(3).starts_with(',')) line.remove_prefix(3);
    for (const auto shape :
         {extended_in_parentheses, six_numbers, address_and_two_numbers, extended_anywhere})
        if (auto found = shape(line)) return found;
    return std::nullopt;
}

}  // namespace

std::expected<base::Address, HostPortError> parse_port(std::string_view argument) {
    argument = base::trimmed(argument);
    HostPort numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (i > 0) {
            if (!argument.starts_with(',')) return std::unexpected(HostPortError::syntax);
            argument.remove_prefix(1);
            argument.remove_prefix(std::min(argument.find_first_not_of(' '), argument.size()));
        }
        const auto digits = leading_digits(argument);
        const auto number = octet(digits);
        if (!number) return std::unexpected(HostPortError::syntax);
        numbers.at(i) = *number;
        argument.remove_prefix(digits.size());
    }
    const bool is_over = argument.empty() || argument == "." || argument == ",";
    if (!is_over) return std::unexpected(HostPortError::syntax);
    return address_of(numbers);
}

std::expected<base::Address, HostPortError> parse_eprt(std::string_view argument) {
    const auto fields = extended_fields(base::trimmed_behind(argument));
    if (!fields) return std::unexpected(HostPortError::syntax);
    const auto [protocol, host, port_digits] = *fields;
    const auto family = family_of(protocol);
    if (!family) return std::unexpected(family.error());
    // A scope would name one of our own links, and a mapped address hides an IPv4 host. Both are
    // refused: the parsed address must be of the client's family and have no scope.
    const auto ip = host.contains('%') ? std::nullopt : base::Ip::parse(host);
    if (!ip || ip->family() != *family || host.contains(':') != (*family == base::Family::ipv6))
        return std::unexpected(HostPortError::syntax);
    const auto port = port_number(port_digits);
    if (!port) return std::unexpected(port.error());
    return base::Address{*ip, *port};
}

std::expected<EpsvRequest, HostPortError> parse_epsv_argument(std::string_view argument) {
    argument = base::trimmed_behind(argument);
    if (argument.empty()) return EpsvRequest{};
    if (base::is_same_but_for_case(argument, "ALL"))
        return EpsvRequest{.all = true, .family = std::nullopt};
    const auto family = family_of(argument);
    if (!family) return std::unexpected(family.error());
    return EpsvRequest{.all = false, .family = *family};
}

namespace {

std::expected<Place, HostPortError> passive_place(std::string_view text) {
    const auto take_line = [](std::string_view& rest) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        return line;
    };
    // The last line is the answer. Use the other lines only if it has no port: "227-Entering
    // Passive Mode (...)", "227 done".
    auto whole = text;
    while (whole.ends_with('\n') || whole.ends_with('\r')) whole.remove_suffix(1);
    const auto last_begin = whole.rfind('\n') + 1;  // 0 if there is only one line
    if (const auto found = data_port_in(whole.substr(last_begin))) return *found;
    for (auto others = whole.substr(0, last_begin); !others.empty();)
        if (const auto found = data_port_in(take_line(others))) return *found;
    return std::unexpected(HostPortError::syntax);
}

}  // namespace

std::expected<PassiveReply, HostPortError> parse_passive_reply(std::string_view text) {
    const auto place = passive_place(text);
    if (!place) return std::unexpected(place.error());
    return place->reply;
}

std::optional<std::string> with_passive_address(std::string_view text,
                                                const base::Address& address) {
    const auto place = passive_place(text);
    if (!place) return std::nullopt;
    const auto& host = address.ip.bytes();
    const auto numbers = place->reply.ip
                             ? fmt::format("{},{},{},{},{},{}", host[0], host[1], host[2], host[3],
                                           address.port >> 8, address.port & 0xff)
                             : fmt::to_string(address.port);
    const auto before = static_cast<std::size_t>(place->numbers.data() - text.data());
    return fmt::format("{}{}{}", text.substr(0, before), numbers,
                       text.substr(before + place->numbers.size()));
}

std::string format_pasv(const base::Address& address) {
    assert(address.ip.is_v4());
    const auto& host = address.ip.bytes();
    return fmt::format("227 Entering Passive Mode ({},{},{},{},{},{}).\r\n", host[0], host[1],
                       host[2], host[3], address.port >> 8, address.port & 0xff);
}

std::string format_epsv(std::uint16_t port) {
    return fmt::format("229 Entering Extended Passive Mode (|||{}|)\r\n", port);
}

std::string format_port(const base::Address& address) {
    assert(address.ip.is_v4());
    const auto& host = address.ip.bytes();
    return fmt::format("PORT {},{},{},{},{},{}", host[0], host[1], host[2], host[3],
                       address.port >> 8, address.port & 0xff);
}

std::string format_eprt(const base::Address& address) {
    // RFC 2428 2 has no field for a scope.
    const auto host =
        base::to_string(address.ip.is_v4() ? address.ip : base::Ip::from_v6(address.ip.bytes()));
    return fmt::format("EPRT |{}|{}|{}|", address.ip.is_v4() ? 1 : 2, host, address.port);
}

}  // namespace ballast::ftp
