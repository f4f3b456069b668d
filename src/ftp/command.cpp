// SPDX-License-Identifier: Apache-2.0
#include "ftp/command.h"

#include "base/ascii.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <fmt/format.h>
#include <iterator>

namespace ballast::ftp {

namespace {

// RFC 854: "Interpret As Command" and what may follow it.
constexpr unsigned char telnet_iac = 0xff;
constexpr unsigned char telnet_dont = 0xfe;
constexpr unsigned char telnet_will = 0xfb;
constexpr unsigned char telnet_subnegotiation = 0xfa;
constexpr unsigned char telnet_interrupt = 0xf4;
constexpr unsigned char telnet_data_mark = 0xf2;
constexpr unsigned char telnet_subnegotiation_end = 0xf0;

unsigned char byte_at(std::string_view text, std::size_t index) {
    return static_cast<unsigned char>(text[index]);
}

/// Length of the Telnet command at the front, 0 if there is none. A line may end in its middle.
std::size_t telnet_length(std::string_view text) {
    if (text.size() < 2 || byte_at(text, 0) != telnet_iac) return 0;
    const auto command = byte_at(text, 1);
    if (command == telnet_iac || command < telnet_subnegotiation_end) return 0;
    if (command >= telnet_will && command <= telnet_dont)
        return std::min<std::size_t>(3, text.size());
    if (command == telnet_subnegotiation)
        if (const auto end = text.find("\xff\xf0", 2); end != std::string_view::npos)
            return end + 2;
    return 2;
}

/// Python's ftplib and others send IP and DM as urgent data, and a system that keeps the urgent
/// byte apart tears FF F4 FF F2 to pieces. No verb begins with such a byte, so nothing is lost.
std::size_t telnet_or_stray_length(std::string_view text) {
    if (const auto length = telnet_length(text); length != 0) return length;
    if (text.empty()) return 0;
    const auto first = byte_at(text, 0);
    const bool stray =
        first == telnet_iac || first == telnet_interrupt || first == telnet_data_mark;
    return stray ? 1 : 0;
}

base::WipedString without_telnet(std::string_view text) {
    base::WipedString kept;
    kept.reserve(text.size());
    while (!text.empty()) {
        if (const auto length = telnet_length(text); length != 0) {
            text.remove_prefix(length);
            continue;
        }
        // An escaped IAC is taken as a pair: its second half begins no command.
        const bool pair = text.starts_with("\xff\xff");
        kept += text.substr(0, pair ? 2 : 1);
        text.remove_prefix(pair ? 2 : 1);
    }
    return kept;
}

bool is_verb_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

std::string_view leading_word(std::string_view text) {
    return {text.begin(), std::ranges::find_if_not(text, is_verb_character)};
}

std::expected<Command, CommandError> read_line(std::string_view line) {
    while (const auto length = telnet_or_stray_length(line)) line.remove_prefix(length);

    // Telnet commands vanish in front of the verb and behind it. Inside it they are no slip of the
    // keyboard but a disguise, "PO<IAC NOP>RT".
    const auto word = leading_word(line);
    const auto rest = without_telnet(line.substr(word.size()));

    if (std::ranges::any_of(rest, [](char c) { return c == '\0' || c == '\r'; }))
        return std::unexpected(CommandError::forbidden_byte);
    if (word.empty() || (!rest.empty() && rest.front() != ' '))
        return std::unexpected(CommandError::not_a_command);

    Command command;
    command.verb = base::upper(word);
    if (!rest.empty()) command.argument = std::string_view(rest).substr(1);
    command.line.reserve(word.size() + rest.size());
    command.line.append(word).append(rest);
    return command;
}

/// Where the secret begins in a line, npos if it holds none.
std::size_t secret_begin(std::string_view line) {
    // A line that was not taken apart by the parser may still carry bytes in front of its verb.
    const auto verb_begin =
        static_cast<std::size_t>(std::ranges::find_if(line, is_verb_character) - line.begin());
    const auto word = leading_word(line.substr(verb_begin));
    const auto word_end = verb_begin + word.size();
    const auto verb = base::upper(word);
    constexpr std::array secret_verbs = {"PASS", "ACCT", "ADAT"};
    if (std::ranges::find(secret_verbs, verb) != secret_verbs.end()) return word_end;
    if (verb != "SITE") return std::string_view::npos;

    // Serv-U and others: SITE PSWD old new.
    const auto rest = line.substr(word_end);
    const auto skipped = std::min(rest.find_first_not_of(" \t"), rest.size());
    const auto subcommand = leading_word(rest.substr(skipped));
    constexpr std::array secret_subcommands = {"PSWD", "PASSWD", "PASS", "CPWD", "GPASS"};
    if (std::ranges::find(secret_subcommands, base::upper(subcommand)) == secret_subcommands.end())
        return std::string_view::npos;
    return word_end + skipped + subcommand.size();
}

}  // namespace

CommandParser::Step CommandParser::next(std::string_view received) {
    assert(scanned_ <= received.size());
    const auto end = received.find('\n', scanned_);
    if (end == std::string_view::npos) {
        // With its LF the line would be longer than is allowed: none of it is worth keeping.
        skipping_ = skipping_ || received.size() >= line_bytes_max_;
        scanned_ = skipping_ ? 0 : received.size();
        return {skipping_ ? received.size() : 0, std::nullopt};
    }

    scanned_ = 0;
    const auto consumed = end + 1;
    if (skipping_ || consumed > line_bytes_max_) {
        skipping_ = false;
        return {consumed, std::unexpected(CommandError::too_long)};
    }
    auto line = received.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return {consumed, read_line(line)};
}

std::string loggable(const Command& command) {
    const auto secret = secret_begin(command.line);
    if (secret == std::string_view::npos) return escaped(command.line);
    return escaped(std::string_view(command.line).substr(0, secret)) + " ***";
}

std::string escaped(std::string_view bytes) {
    std::string result;
    result.reserve(bytes.size());
    for (const char c : bytes) {
        if (c >= ' ' && c <= '~')
            result += c;
        else
            fmt::format_to(std::back_inserter(result), "\\x{:02x}", static_cast<unsigned char>(c));
    }
    return result;
}

}  // namespace ballast::ftp
