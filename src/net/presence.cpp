// SPDX-License-Identifier: Apache-2.0
#include "net/presence.h"

#include "base/number.h"
#include "net/socket.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <sys/socket.h>
#include <sys/un.h>

namespace ballast::net {

namespace {

constexpr std::string_view prefix = "ballast-listens/";

std::optional<Instance>& self() {
    static std::optional<Instance> instance;
    return instance;
}

/// Up to the next slash, which is taken off `text` as well.
std::string_view next_part(std::string_view& text) {
    const auto part = text.substr(0, text.find('/'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
}

}  // namespace

std::uint64_t file_mark(const std::string& file) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(file.c_str(), nullptr),
                                                           &std::free);
    const std::string_view path = real ? std::string_view(real.get()) : file;
    std::uint64_t mark = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : path) mark = (mark ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return mark;
}

std::string presence_name(const Presence& presence) {
    return fmt::format("{}{}/{}/{}", prefix, presence.instance.pid, presence.instance.file,
                       base::to_string(presence.address));
}

std::optional<Presence> parse_presence(std::string_view name) {
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    const auto pid = base::parse_number<std::uint32_t>(next_part(name));
    const auto file = base::parse_number<std::uint64_t>(next_part(name));
    const auto address = base::Address::parse(name);
    if (!pid || !file || !address) return std::nullopt;
    return Presence{{*pid, *file}, *address};
}

void announce_as(const Instance& instance) { self() = instance; }

base::OwnedFd announce(const base::Address& address) {
    if (!self()) return {};
    const auto name = presence_name({*self(), address});
    sockaddr_un system{};
    system.sun_family = AF_UNIX;
    if (name.size() + 1 > sizeof system.sun_path) return {};
    std::memcpy(system.sun_path + 1, name.data(), name.size());  // a zero in front: abstract
    const auto length = offsetof(sockaddr_un, sun_path) + 1 + name.size();
    base::OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket || is_of_reserve(socket.get())) return {};
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&system),  // NOLINT: the API
               static_cast<socklen_t>(length)) != 0)
        return {};
    return socket;
}

}  // namespace ballast::net
