// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/owned_fd.h"
#include "net/binding.h"

#include <cstdint>
#include <string_view>
#include <sys/socket.h>

namespace ballast::net {

/// An address as the system wants it.
struct SystemAddress {
    sockaddr_storage storage{};
    socklen_t length = sizeof(sockaddr_storage);

    SystemAddress() = default;
    explicit SystemAddress(const base::Address& address);
    [[nodiscard]] const sockaddr* get() const;
    [[nodiscard]] sockaddr* get();
    [[nodiscard]] base::Address address() const;
};

/// The last descriptors of the process are reserved for probes, so that sessions that use up all
/// others do not make backends look down. The system always gives the lowest free number, so a high
/// number means that only the reserve is left.
enum class Descriptors : std::uint8_t { without_reserve, with_reserve };
/// `first` is the lowest number of the reserve. Call before threads start. Without a call there is
/// no reserve.
void reserve_descriptors(int first);
/// Whether this descriptor belongs to the reserve. If so, close it and act as if none were left.
[[nodiscard]] bool is_of_reserve(int native);

/// A non-blocking TCP socket.
[[nodiscard]] base::Result<base::OwnedFd> open_socket(base::Family family,
                                                      Descriptors use = Descriptors::with_reserve);
/// Lets the socket be bound to another machine's address. False: the process has no CAP_NET_ADMIN.
[[nodiscard]] bool make_transparent(int native, base::Family family);
/// Whether it was made so.
[[nodiscard]] bool is_transparent(int native, base::Family family);
/// A bound socket. Uses SO_REUSEADDR, never SO_REUSEPORT: two sockets on one port would give
/// connections to strangers. IPv6 sockets take IPv6 only, so `[::]` and `0.0.0.0` can coexist. The
/// `binding` says whether the address may be another machine's.
[[nodiscard]] base::Result<base::OwnedFd> bind_to(const base::Address& address,
                                                  Binding binding = Binding::strict,
                                                  Descriptors use = Descriptors::with_reserve);
/// The same, listening. Its connections inherit the options that `prepare` sets.
[[nodiscard]] base::Result<base::OwnedFd> listen_on(const base::Address& address, int backlog,
                                                    Binding binding = Binding::strict,
                                                    Descriptors use = Descriptors::with_reserve,
                                                    void (*prepare)(int native) = nullptr);

/// Whether the host has a source address to reach this one. False for example if IPv6 is disabled.
/// True if in doubt. Sends nothing.
[[nodiscard]] bool has_way_to(const base::Address& to);

/// Sends the words if that does not block, and closes.
void refuse(base::OwnedFd connection, std::string_view words);

/// Makes close send RST instead of FIN, also when the process is killed, so that nobody mistakes
/// the end for a proper one. A data connection starts like this and keeps it until its data is
/// complete.
void reset_on_close(int native);
/// Makes close send FIN again: bytes sent will be delivered.
void end_on_close(int native);

}  // namespace ballast::net
