// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// The first words of a TLS client, read by who only wants to know whom they are for (RFC 8446
/// 4.1.2, RFC 6066 3). No TLS library: whoever forwards them must not have taken part.
namespace ballast::net {

struct ClientHello {
    /// What SNI asks for, as the client wrote it; empty: nothing. Printable ASCII without spaces.
    std::string server_name;
};

enum class HelloError : std::uint8_t {
    not_tls,    ///< something else than a TLS handshake
    malformed,  ///< lengths that contradict each other, names that are none
    too_long,   ///< more than `client_hello_bytes_max` and still no end
};

/// Of everything that comes with it, record headers included.
inline constexpr std::size_t client_hello_bytes_max = 16384;

/// `received` is everything since the first byte; more may follow the ClientHello. It may be spread
/// over records and arrive in any pieces. Empty: the rest is still to come.
[[nodiscard]] std::optional<std::expected<ClientHello, HelloError>> parse_client_hello(
    std::string_view received);

/// RFC 8446 6.
enum class Alert : std::uint8_t {
    unexpected_message = 10,
    handshake_failure = 40,
    access_denied = 49,
    decode_error = 50,
    internal_error = 80,
    unrecognized_name = 112,
};
/// A fatal alert, for a client whose handshake has only just begun.
[[nodiscard]] std::string fatal_alert(Alert alert);

}  // namespace ballast::net
