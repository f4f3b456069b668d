// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/refusal.h"

#include <expected>
#include <string>
#include <string_view>

namespace ballast::config {

/// The form that a text must have.
struct Form {
    /// The text in its canonical form, or why it does not have the form. Never called with an empty
    /// text.
    std::expected<std::string, Refusal> (*parse)(std::string_view text);
    std::string_view range;    ///< in words
    std::string_view pattern;  ///< a regular expression that all texts of this form match
    std::string_view example;
};

/// "_ftp._tcp.example.com", without a port. In lower case.
extern const Form host_name;
/// "192.0.2.1": an IPv4 address.
extern const Form ipv4_address;
/// "192.0.2.1", or one of each family: "192.0.2.1 2001:db8::1".
extern const Form own_addresses;
/// SHA-256 as 64 hexadecimal digits. In lower case.
extern const Form sha256;
/// "udp://192.0.2.1:514": a syslog server.
extern const Form syslog_server;
/// "530 Not from here.": a negative FTP reply.
extern const Form negative_reply;

}  // namespace ballast::config
