// SPDX-License-Identifier: Apache-2.0
#include "net/client_hello.h"

#include <algorithm>

namespace ballast::net {

namespace {

constexpr std::uint8_t handshake_record = 22;
constexpr std::uint8_t alert_record = 21;
constexpr char client_hello_message = 1;
constexpr std::uint16_t server_name_extension = 0;
constexpr std::uint8_t host_name_type = 0;

/// Reads big-endian numbers and vectors from the front. After a failure all reads fail.
class Reader {
public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}

    std::size_t number(std::size_t size) {
        std::size_t value = 0;
        for (const char c : take(size)) value = value << 8 | static_cast<std::uint8_t>(c);
        return value;
    }
    std::string_view take(std::size_t size) {
        if (size > bytes_.size()) {
            has_failed_ = true;
            bytes_ = {};
            return {};
        }
        const auto taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }
    /// A vector with a length prefix of this many bytes.
    std::string_view vector(std::size_t length_size) { return take(number(length_size)); }

    [[nodiscard]] bool has_failed() const { return has_failed_; }
    [[nodiscard]] bool is_at_end() const { return bytes_.empty(); }

private:
    std::string_view bytes_;
    bool has_failed_ = false;
};

bool is_name(std::string_view name) {
    constexpr std::size_t name_bytes_max = 255;
    return !name.empty() && name.size() <= name_bytes_max &&
           std::ranges::all_of(name, [](char c) { return '!' <= c && c <= '~'; });
}

/// Empty if it is malformed.
std::optional<std::string> host_name_of(std::string_view extension) {
    Reader reader(extension);
    Reader list(reader.vector(2));
    if (reader.has_failed() || !reader.is_at_end()) return std::nullopt;
    std::optional<std::string> found;
    while (!list.is_at_end()) {
        const auto type = list.number(1);
        const auto name = list.vector(2);
        if (list.has_failed()) return std::nullopt;
        if (type != host_name_type) continue;
        if (found || !is_name(name)) return std::nullopt;  // RFC 6066 3: one of each type
        found = std::string(name);
    }
    return found;
}

std::expected<ClientHello, HelloError> parse_message(std::string_view body) {
    constexpr auto malformed = std::unexpected(HelloError::malformed);
    Reader reader(body);
    reader.take(2 + 32);                          // version and random
    const auto session_id = reader.vector(1);     // for resumption
    const auto cipher_suites = reader.vector(2);  // two bytes each
    const auto compression_methods = reader.vector(1);
    if (reader.has_failed() || session_id.size() > 32 || cipher_suites.empty() ||
        cipher_suites.size() % 2 != 0 || compression_methods.empty())
        return malformed;
    ClientHello hello;
    if (reader.is_at_end()) return hello;  // TLS 1.2 does not need extensions
    Reader extensions(reader.vector(2));
    if (reader.has_failed() || !reader.is_at_end()) return malformed;
    bool has_server_name = false;
    while (!extensions.is_at_end()) {
        const auto type = extensions.number(2);
        const auto content = extensions.vector(2);
        if (extensions.has_failed()) return malformed;
        if (type != server_name_extension) continue;
        auto name = host_name_of(content);
        if (!name || has_server_name) return malformed;
        has_server_name = true;
        hello.server_name = std::move(*name);
    }
    return hello;
}

}  // namespace

std::optional<std::expected<ClientHello, HelloError>> parse_client_hello(
    std::string_view received) {
    constexpr std::size_t header_bytes = 5;
    const bool is_full = received.size() >= client_hello_bytes_max;
    auto rest = received.substr(0, client_hello_bytes_max);
    const auto unfinished = [&]() -> std::optional<std::expected<ClientHello, HelloError>> {
        if (is_full) return std::unexpected(HelloError::too_long);
        return std::nullopt;
    };
    std::string message;
    for (;;) {
        // Judge the first bytes at once, so that nobody waits for more from a client that does not
        // speak TLS.
        if (!rest.empty() && static_cast<std::uint8_t>(rest[0]) != handshake_record)
            return std::unexpected(HelloError::not_tls);
        if (rest.size() > 1 && rest[1] != 3) return std::unexpected(HelloError::not_tls);
        if (rest.size() < header_bytes) return unfinished();
        Reader header(rest.substr(3, 2));
        const auto length = header.number(2);
        if (length == 0) return std::unexpected(HelloError::malformed);
        rest.remove_prefix(header_bytes);
        message += rest.substr(0, length);

        if (!message.empty() && message[0] != client_hello_message)
            return std::unexpected(HelloError::not_tls);
        if (message.size() >= 4) {
            Reader reader(message);
            reader.take(1);
            const auto body_bytes = reader.number(3);
            if (body_bytes > client_hello_bytes_max) return std::unexpected(HelloError::too_long);
            if (const auto body = reader.take(body_bytes); !reader.has_failed())
                return parse_message(body);
        }
        if (rest.size() < length) return unfinished();
        rest.remove_prefix(length);
    }
}

std::string fatal_alert(Alert alert) {
    constexpr char fatal = 2;
    return {static_cast<char>(alert_record), 3, 3, 0, 2, fatal, static_cast<char>(alert)};
}

}  // namespace ballast::net
