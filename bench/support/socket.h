// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace ballast::bench {

/// A blocking TCP socket. Every failure throws: it makes the benchmark void.
class Socket {
public:
    explicit Socket(int native = -1) : native_(native) {}
    Socket(Socket&& other) noexcept : native_(std::exchange(other.native_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(native_, other.native_);
        return *this;
    }
    ~Socket();
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    /// On 127.0.0.1, on a port that the system chooses.
    [[nodiscard]] static Socket listening();
    /// On this port of 127.0.0.`host`, unless it is in use.
    [[nodiscard]] static std::optional<Socket> listening_if_free(std::uint16_t port,
                                                                 std::uint8_t host = 1);
    /// To 127.0.0.`host`. Waits 20 s at most for anything, unless told otherwise.
    [[nodiscard]] static Socket connected(std::uint16_t port, std::uint8_t host = 1);
    /// The next connection of a listening socket.
    [[nodiscard]] Socket accepted() const;

    [[nodiscard]] int get() const { return native_; }
    [[nodiscard]] std::uint16_t port() const;
    void send_all(std::string_view bytes) const;
    /// For anything.
    void wait_at_most(std::chrono::seconds time) const;

private:
    int native_;
};

/// A port that is free at the moment.
[[nodiscard]] std::uint16_t free_port();
/// The N of an address 127.0.0.N that nobody else got from this function. The first is 3.
[[nodiscard]] std::uint8_t free_host();

/// Descriptors up to the hard limit.
void raise_descriptor_limit();

/// A network namespace for this process and its children, with a loopback and reno: bbr's pacing
/// costs a loopback a third of its throughput. False if this process may not make one.
[[nodiscard]] bool enter_private_network();

}  // namespace ballast::bench
