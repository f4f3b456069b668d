// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/refusal.h"

#include <expected>
#include <string>
#include <string_view>

namespace ballast::config {

/// A form that a text must have.
struct Form {
    /// The text in its one spelling, or why it has not this form. Never asked about an empty one.
    std::expected<std::string, Refusal> (*parse)(std::string_view text);
    std::string_view range;    ///< in words
    std::string_view pattern;  ///< a regular expression that all texts of this form match
    std::string_view example;
};

/// "_ftp._tcp.example.com", without a port. In lower case.
extern const Form host_name;
/// SHA-256 as 64 hexadecimal digits. In lower case.
extern const Form sha256;
/// "530 Not from here.": what an FTP server says no with.
extern const Form negative_reply;

}  // namespace ballast::config
