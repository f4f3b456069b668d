// SPDX-License-Identifier: Apache-2.0
#include "ftp/command.h"

#include "base/ascii.h"
#include "ftp/telnet.h"
#include "ftp/verb.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <fmt/format.h>
#include <iterator>

namespace ballast::ftp {

namespace {

constexpr std::string_view telnet_bytes_that_stray = "\xff\xf4\xf2";  // IAC, IP, DM

/// Python's ftplib and others send IP and DM as urgent data. A system that separates the urgent
/// byte splits FF F4 FF F2. No verb begins with such a byte, so nothing is lost.
std::size_t telnet_or_stray_length(std::string_view text) {
    if (const auto length = telnet_length(text); length != 0) return length;
    return !text.empty() && telnet_bytes_that_stray.contains(text.front()) ? 1 : 0;
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

    // Clients put Telnet commands before the verb. Inside it they would only disguise the verb:
    // "PO<IAC NOP>RT". Behind it, 0xFF is a letter of cp1251 and KOI8.
    const auto word = leading_word(line);
    const auto rest = line.substr(word.size());

    if (std::ranges::any_of(rest, [](char c) { return c == '\0' || c == '\r'; }))
        return std::unexpected(CommandError::forbidden_byte);
    if (word.empty() || (!rest.empty() && rest.front() != ' '))
        return std::unexpected(CommandError::not_a_command);

    Command command;
    command.verb = base::upper(word);
    if (!rest.empty()) command.argument = rest.substr(1);
    command.line.reserve(word.size() + rest.size());
    command.line.append(word).append(rest);
    return command;
}

/// Serv-U and others have SITE PSWD old new.
bool is_secret_subcommand(std::string_view word) {
    constexpr std::array secret = {"PSWD", "PASSWD", "PASS", "CPWD", "GPASS"};
    return std::ranges::find(secret, base::upper(word)) != secret.end();
}

/// Where the secret begins in a line. npos: there is none.
std::size_t secret_begin(std::string_view line) {
    // An unparsed line may still have other bytes before its verb.
    const auto verb_begin =
        static_cast<std::size_t>(std::ranges::find_if(line, is_verb_character) - line.begin());
    const auto word = leading_word(line.substr(verb_begin));
    const auto word_end = verb_begin + word.size();
    const auto* const verb = find_verb(base::upper(word));
    if (verb == nullptr) return std::string_view::npos;
    if (verb->is_secret) return word_end;
    if (verb->name != "SITE") return std::string_view::npos;

    const auto rest = line.substr(word_end);
    const auto skipped = std::min(rest.find_first_not_of(" \t"), rest.size());
    const auto subcommand = leading_word(rest.substr(skipped));
    if (is_secret_subcommand(subcommand)) return word_end + skipped + subcommand.size();
    const bool is_disguised =
        std::ranges::any_of(telnet_readings(rest.substr(skipped)), [](std::string_view reading) {
            reading.remove_prefix(std::min(reading.find_first_not_of(" \t"), reading.size()));
            return is_secret_subcommand(leading_word(reading));
        });
    return is_disguised ? word_end : std::string_view::npos;
}

}  // namespace

CommandParser::Step CommandParser::next(std::string_view received) {
    assert(scanned_ <= received.size());
    if (is_tls_) return {received.size(), std::nullopt};
    // RFC 8446 5.1: a handshake record of any TLS version.
    if (!skipping_ && received.starts_with("\x16\x03")) {
        is_tls_ = true;
        scanned_ = 0;
        return {received.size(), std::unexpected(CommandError::begins_tls)};
    }
    const auto end = received.find('\n', scanned_);
    if (end == std::string_view::npos) {
        // With its LF the line would exceed the limit, so drop all of it.
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
    const auto line = received.substr(0, end);
    return {consumed, read_line(base::trimmed_behind(line, "\r"))};
}

std::string loggable(std::string_view line) {
    const auto secret = secret_begin(line);
    if (secret == std::string_view::npos) return escaped(line);
    return escaped(line.substr(0, secret)) + " ***";
}

bool holds_secret(std::string_view line) { return secret_begin(line) != std::string_view::npos; }

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
