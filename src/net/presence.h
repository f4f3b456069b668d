// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/owned_fd.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

/// How another process of this machine can see that it is Ballast which listens on an address. For
/// each address the daemon also holds a Unix-domain socket that nobody can connect to and whose
/// abstract name says the address. Every user can read such names, and the system says whose they
/// are. They belong to one network namespace, as addresses do, and end with their process.
namespace ballast::net {

/// What a running Ballast says of itself in these names.
struct Instance {
    std::uint32_t pid = 0;
    std::uint64_t file = 0;  ///< of its configuration, see `file_mark`

    friend auto operator<=>(const Instance&, const Instance&) = default;
};

/// A number for a file: the same under every name of the file and in every version of the program,
/// and almost certainly different for another file.
[[nodiscard]] std::uint64_t file_mark(const std::string& file);

/// Says who this process is. Call it before threads start. Until then nothing is announced.
void announce_as(const Instance& self);
/// Keep the descriptor as long as the address is listened on. Empty if there is none left: a check
/// then takes Ballast for another program there. Any thread may call.
[[nodiscard]] base::OwnedFd announce(const base::Address& address);

/// One name taken apart.
struct Presence {
    Instance instance;
    base::Address address;
};
/// The abstract name, without the zero in front.
[[nodiscard]] std::string presence_name(const Presence& presence);
/// Empty if it is none.
[[nodiscard]] std::optional<Presence> parse_presence(std::string_view name);

}  // namespace ballast::net
