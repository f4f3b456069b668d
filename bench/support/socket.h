// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::bench {

/// An IPv4 address: 127.0.0.N, which a number below 256 stands for, or any other.
class Host {
public:
    constexpr Host(std::uint8_t last = 1) : bits_((127U << 24) | last) {}
    /// The four numbers of the address.
    static constexpr Host of(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
        Host host;
        host.bits_ = (std::uint32_t{a} << 24) | (std::uint32_t{b} << 16) | (std::uint32_t{c} << 8) |
                     std::uint32_t{d};
        return host;
    }
    /// All addresses of the machine.
    static constexpr Host any() { return of(0, 0, 0, 0); }

    [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
    [[nodiscard]] std::string text() const;

private:
    std::uint32_t bits_;
};

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

    /// On a port that the system chooses.
    [[nodiscard]] static Socket listening(Host host = {});
    /// On this port, unless it is in use.
    [[nodiscard]] static std::optional<Socket> listening_if_free(std::uint16_t port,
                                                                 Host host = {});
    /// Waits 20 s at most for anything, unless told otherwise.
    [[nodiscard]] static Socket connected(std::uint16_t port, Host host = {});
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
/// 127.0.0.N, which nobody else got from this function. The first is 127.0.0.3.
[[nodiscard]] Host free_host();

/// The calling thread runs only where no other thread wants to, as if its work were done by another
/// machine. That ends with this object.
class Elsewhere {
public:
    Elsewhere();
    Elsewhere(const Elsewhere&) = delete;
    Elsewhere& operator=(const Elsewhere&) = delete;
    ~Elsewhere();
};

/// Descriptors up to the hard limit.
void raise_descriptor_limit();

/// A network namespace for this process and its children, with a loopback and reno: bbr's pacing
/// costs a loopback a third of its throughput. False if this process may not make one.
[[nodiscard]] bool enter_private_network();

}  // namespace ballast::bench
