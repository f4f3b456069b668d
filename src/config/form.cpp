// SPDX-License-Identifier: Apache-2.0
#include "config/form.h"

#include "base/address.h"
#include "base/ascii.h"
#include "base/log_target.h"
#include "config/destination.h"
#include "config/spelling.h"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <optional>

namespace ballast::config {

namespace {

constexpr std::size_t sha256_digits = 64;
constexpr std::size_t reply_bytes_max = 500;

bool is_digit(char c) { return '0' <= c && c <= '9'; }

std::expected<std::string, Refusal> parse_ipv4(std::string_view text) {
    const auto ip = base::Ip::parse(text);
    if (!ip || !ip->is_v4())
        return std::unexpected(Refusal{fmt::format("{} is not an IPv4 address", in_quotes(text)),
                                       "write it like \"192.0.2.1\""});
    return base::to_string(*ip);
}

/// One of each family, or one alone, with a space between them.
std::expected<std::string, Refusal> parse_addresses(std::string_view text) {
    const auto space = std::min(text.find(' '), text.size());
    const auto one = base::Ip::parse(text.substr(0, space));
    const auto other = space == text.size() ? one : base::Ip::parse(text.substr(space + 1));
    const auto is_of_a_machine = [](const std::optional<base::Ip>& ip) {
        return ip && !ip->is_any();
    };
    const bool is_one_of_each =
        space == text.size() || (one && other && one->family() != other->family());
    if (!is_of_a_machine(one) || !is_of_a_machine(other) || !is_one_of_each)
        return std::unexpected(
            Refusal{fmt::format("{} is not the address of a machine", in_quotes(text)),
                    R"(write one, or an IPv4 and an IPv6 address: "192.0.2.1 2001:db8::1")"});
    if (space == text.size()) return base::to_string(*one);
    return fmt::format("{} {}", base::to_string(*one), base::to_string(*other));
}

std::expected<std::string, Refusal> parse_sha256(std::string_view text) {
    const auto is_hexadecimal = [](char c) {
        return is_digit(c) || ('a' <= c && c <= 'f') || ('A' <= c && c <= 'F');
    };
    if (text.size() != sha256_digits || !std::ranges::all_of(text, is_hexadecimal))
        return std::unexpected(
            Refusal{fmt::format("{} is not a SHA-256 digest", in_quotes(text)),
                    "write the 64 hexadecimal digits that sha256sum prints for the file"});
    return base::lower(text);
}

std::expected<std::string, Refusal> parse_negative_reply(std::string_view text) {
    // RFC 959 4.2: 4yz and 5yz are the negative replies.
    const bool is_negative = text.size() > 4 && (text[0] == '4' || text[0] == '5') &&
                             is_digit(text[1]) && is_digit(text[2]) && text[3] == ' ';
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    };
    if (!is_negative || text.size() > reply_bytes_max || std::ranges::any_of(text, is_control))
        return std::unexpected(
            Refusal{fmt::format("{} is not a negative reply", in_quotes(text)),
                    "write a code from 400 to 599, a space and a text without control characters, "
                    "such as \"530 Not from here.\""});
    return std::string(text);
}

std::expected<std::string, Refusal> parse_syslog_server(std::string_view text) {
    if (!log::parse_syslog(text))
        return std::unexpected(
            Refusal{fmt::format("{} is not a syslog server", in_quotes(text)),
                    "write \"unix:/dev/log\", \"udp://HOST:514\" or \"tcp://HOST:601\", an IPv6 "
                    "address in brackets"});
    return std::string(text);
}

}  // namespace

const Form host_name = {parse_host_name, "a host name without a port", "^[A-Za-z0-9_.-]+$",
                        "_ftp._tcp.example.com"};
const Form ipv4_address = {parse_ipv4, "an IPv4 address", "^[0-9]+([.][0-9]+){3}$", "192.0.2.1"};
const Form own_addresses = {parse_addresses, "an address, or an IPv4 and an IPv6 address",
                            "^[0-9A-Fa-f:.]+( [0-9A-Fa-f:.]+)?$", "192.0.2.1"};
const Form sha256 = {parse_sha256, "64 hexadecimal digits", "^[0-9A-Fa-f]{64}$",
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
const Form syslog_server = {parse_syslog_server,
                            "\"unix:PATH\", \"udp://HOST:PORT\" or \"tcp://HOST:PORT\"",
                            "^(unix:/.+|(udp|tcp)://.+:[0-9]+)$", "udp://192.0.2.1:514"};
const Form negative_reply = {parse_negative_reply,
                             "a code from 400 to 599, a space and a text; up to 500 bytes",
                             "^[45][0-9][0-9] [^\\u0000-\\u001f\\u007f]+$", "530 Not from here."};

}  // namespace ballast::config
