// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// A TLS client's first message, read only to learn which server it is for (RFC 8446 4.1.2, RFC
/// 6066 3). Does not use a TLS library, because the handshake is forwarded untouched.
namespace ballast::net {

struct ClientHello {
    /// The SNI name as the client wrote it, or empty. Printable ASCII without spaces.
    std::string server_name;
};

enum class HelloError : std::uint8_t {
    not_tls,    ///< not a TLS handshake
    malformed,  ///< contradictory lengths or invalid names
    too_long,   ///< not complete after `client_hello_bytes_max`
};

/// The bound of the whole message, record headers included.
inline constexpr std::size_t client_hello_bytes_max = 16384;

/// `received` is everything since the first byte; more may follow the ClientHello. The ClientHello
/// may span several records and arrive in any pieces. Empty if it is not complete yet.
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
/// A fatal alert, for a client whose handshake has just begun.
[[nodiscard]] std::string fatal_alert(Alert alert);

}  // namespace ballast::net
