// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/owned_fd.h"

#include <cstdint>
#include <string_view>
#include <sys/socket.h>

namespace ballast::net {

/// The system's form of an address.
struct SystemAddress {
    sockaddr_storage storage{};
    socklen_t length = sizeof(sockaddr_storage);

    SystemAddress() = default;
    explicit SystemAddress(const base::Address& address);
    [[nodiscard]] const sockaddr* get() const;
    [[nodiscard]] sockaddr* get();
    [[nodiscard]] base::Address address() const;
};

/// The last descriptors of the process are kept for probes: sessions that use up all others must
/// not make backends look down. The system gives the lowest number that is free, so one with a high
/// number says that only the reserve is left.
enum class Descriptors : std::uint8_t { without_reserve, with_reserve };
/// `first` is the first number of the reserve. Before threads are started; until then there is
/// none.
void reserve_descriptors(int first);
/// Whether this one is to be given back, as if there had been none.
[[nodiscard]] bool is_of_reserve(int native);

/// A non-blocking TCP socket.
[[nodiscard]] base::Result<base::OwnedFd> open_socket(base::Family family,
                                                      Descriptors use = Descriptors::with_reserve);
/// A socket to listen with. SO_REUSEADDR, never SO_REUSEPORT: two sockets on one port would give
/// connections to strangers. IPv6 sockets take IPv6 only, so `[::]` and `0.0.0.0` stand side by
/// side. With `free_bind` the address need not be this machine's yet (ip(7), IP_FREEBIND).
[[nodiscard]] base::Result<base::OwnedFd> bind_to(const base::Address& address,
                                                  bool free_bind = false,
                                                  Descriptors use = Descriptors::with_reserve);
/// The same, and it listens.
[[nodiscard]] base::Result<base::OwnedFd> listen_on(const base::Address& address, int backlog,
                                                    bool free_bind = false,
                                                    Descriptors use = Descriptors::with_reserve);

/// Whether the host has an address of its own to reach this one from. False where IPv6 is switched
/// off, for one. True when in doubt. Sends nothing.
[[nodiscard]] bool has_way_to(const base::Address& to);

/// Says the words if that can be done at once, and closes.
void refuse(base::OwnedFd connection, std::string_view words);

/// RST instead of FIN at close, also when the process is killed: nobody can take this end for a
/// proper one. A data connection is so from its first moment until its end is earned.
void reset_on_close(int native);
/// FIN at close again: what was sent is delivered.
void end_on_close(int native);

}  // namespace ballast::net
