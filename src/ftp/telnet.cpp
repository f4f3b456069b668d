// SPDX-License-Identifier: Apache-2.0
#include "ftp/telnet.h"

#include <algorithm>
#include <array>

namespace ballast::ftp {

namespace {

// RFC 854: "Interpret As Command" and the bytes that may follow it.
constexpr unsigned char iac = 0xff;
constexpr unsigned char dont = 0xfe;
constexpr unsigned char will = 0xfb;
constexpr unsigned char subnegotiation = 0xfa;
constexpr unsigned char interrupt = 0xf4;
constexpr unsigned char data_mark = 0xf2;
constexpr unsigned char subnegotiation_end = 0xf0;

unsigned char byte_at(std::string_view text, std::size_t index) {
    return static_cast<unsigned char>(text[index]);
}

bool begins_with_option(std::string_view text) {
    return text.size() >= 2 && byte_at(text, 0) == iac && byte_at(text, 1) >= will &&
           byte_at(text, 1) <= dont;
}

std::size_t option_length(std::string_view text) {
    return begins_with_option(text) ? std::min<std::size_t>(3, text.size()) : 0;
}

/// IAC and any other byte.
bool begins_with_pair(std::string_view text) {
    return text.size() >= 2 && byte_at(text, 0) == iac && byte_at(text, 1) != iac;
}

// How many bytes a server removes from the front of an argument.

std::size_t nothing(std::string_view) { return 0; }

/// Ignores the end of a subnegotiation, so its content stays.
std::size_t commands(std::string_view text) {
    return begins_with_pair(text) && byte_at(text, 1) == subnegotiation ? 2 : telnet_length(text);
}

/// BSD's getline, also in inetutils: any byte behind IAC is a command.
std::size_t any_pair(std::string_view text) {
    if (const auto option = option_length(text); option != 0) return option;
    return begins_with_pair(text) ? 2 : 0;
}

/// ProFTPD removes options, IP and DM. Other pairs stay.
std::size_t few(std::string_view text) {
    if (const auto option = option_length(text); option != 0) return option;
    const bool is_one =
        begins_with_pair(text) && (byte_at(text, 1) == interrupt || byte_at(text, 1) == data_mark);
    return is_one ? 2 : 0;
}

template <typename Length>
base::WipedString reading(std::string_view text, Length length_of) {
    base::WipedString kept;
    kept.reserve(text.size());
    while (!text.empty()) {
        if (const auto length = length_of(text); length != 0) {
            text.remove_prefix(length);
            continue;
        }
        const bool is_doubled = text.starts_with("\xff\xff");
        kept += text.front();
        text.remove_prefix(is_doubled ? 2 : 1);
    }
    return kept;
}

}  // namespace

std::size_t telnet_length(std::string_view text) {
    if (!begins_with_pair(text)) return 0;
    const auto command = byte_at(text, 1);
    if (command < subnegotiation_end) return 0;
    if (begins_with_option(text)) return option_length(text);
    if (command == subnegotiation)
        if (const auto end = text.find("\xff\xf0", 2); end != std::string_view::npos)
            return end + 2;
    return 2;
}

bool has_other_readings(std::string_view argument) {
    return argument.contains(static_cast<char>(iac));
}

std::vector<base::WipedString> telnet_readings(std::string_view argument) {
    std::vector<base::WipedString> readings;
    readings.emplace_back() += argument;
    if (!has_other_readings(argument)) return readings;
    constexpr std::array servers = {nothing, telnet_length, commands, any_pair, few};
    for (const auto& length_of : servers) readings.push_back(reading(argument, length_of));
    return readings;
}

base::WipedString without_telnet(std::string_view argument) {
    return reading(argument, telnet_length);
}

}  // namespace ballast::ftp
