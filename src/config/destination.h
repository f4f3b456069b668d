// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/refusal.h"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace ballast::config {

/// Where a backend is: "10.0.0.11:2121", "[2001:db8::1]:21", "ftp1.example.org". Addresses have
/// their canonical form and names are in lower case, so that equal ones compare equal.
struct Destination {
    std::string host;
    std::uint16_t port = 21;

    friend bool operator==(const Destination&, const Destination&) = default;
};

/// `otherwise` is the port if the text has none.
[[nodiscard]] std::expected<Destination, Refusal> parse_destination(std::string_view text,
                                                                    std::uint16_t otherwise = 21);
/// A host name alone, in lower case.
[[nodiscard]] std::expected<std::string, Refusal> parse_host_name(std::string_view text);
[[nodiscard]] std::string to_string(const Destination& destination);

}  // namespace ballast::config
