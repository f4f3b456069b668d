// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::log {

/// Where the lines of a log go.
struct Target {
    enum class Kind : std::uint8_t {
        file,
        journal,      ///< systemd's, one datagram for each entry
        syslog_unix,  ///< RFC 5424, one datagram for each message
        syslog_udp,   ///< RFC 5426
        syslog_tcp,   ///< RFC 6587, octet counting
    };
    Kind kind = Kind::file;
    std::string place;  ///< a file's path (empty: standard error), a socket's path, or a host
    std::uint16_t port = 0;

    friend bool operator==(const Target&, const Target&) = default;
};

/// "unix:/dev/log", "udp://logs.example.com:514" or "tcp://[2001:db8::1]:601". Empty if the text is
/// none of these.
[[nodiscard]] std::optional<Target> parse_syslog(std::string_view text);

/// Opens a file to append lines to it, or standard error if the path is empty. Opens a FIFO without
/// waiting for a reader. Returns a descriptor, or -1 with errno.
[[nodiscard]] int open_to_append(const std::string& path);

/// A descriptor, or the reason in words. Looks a host's name up, which may take long. Does not wait
/// for a TCP connection: the descriptor becomes writable, or has an error.
[[nodiscard]] std::expected<int, std::string> open_target(const Target& target);

}  // namespace ballast::log
