// SPDX-License-Identifier: Apache-2.0
#include "net/listeners.h"

#include "base/owned_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace ballast::net {

namespace {

/// The value at the front of `bytes`, which may be unaligned. Zeros if there are too few bytes.
template <typename Value>
Value value_at_front(std::string_view bytes) {
    Value value{};
    std::memcpy(&value, bytes.data(), std::min(sizeof value, bytes.size()));
    return value;
}

std::string_view cut(std::string_view bytes, std::size_t aligned_header, std::size_t end) {
    end = std::min(end, bytes.size());
    return aligned_header > end ? std::string_view()
                                : bytes.substr(aligned_header, end - aligned_header);
}

using TakeMessage = std::function<void(std::string_view payload)>;

/// Goes through the messages of one datagram. False at the last one.
base::Result<bool> take_messages(std::string_view bytes, const TakeMessage& take) {
    while (bytes.size() >= sizeof(nlmsghdr)) {
        const auto header = value_at_front<nlmsghdr>(bytes);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) break;
        const auto payload = cut(bytes, NLMSG_HDRLEN, header.nlmsg_len);
        if (header.nlmsg_type == NLMSG_DONE) return false;
        if (header.nlmsg_type == NLMSG_ERROR) {
            const auto code = -value_at_front<nlmsgerr>(payload).error;
            return std::unexpected(base::Error{base::Fault::internal,
                                               {code, std::system_category()},
                                               "asking the system for listening sockets"});
        }
        take(payload);
        bytes.remove_prefix(std::min<std::size_t>(bytes.size(), NLMSG_ALIGN(header.nlmsg_len)));
    }
    return true;
}

/// All answers to one question of sock_diag(7).
template <typename Request>
base::Result<> ask(const Request& request, const TakeMessage& take) {
    const auto failed = [] {
        return std::unexpected(
            base::last_error(base::Fault::internal, "asking the system for listening sockets"));
    };
    struct Message {
        nlmsghdr header;
        Request request;
    };
    Message message{};
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.request = request;
    const base::OwnedFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!socket || ::send(socket.get(), &message, sizeof message, 0) < 0) return failed();
    std::vector<char> buffer(std::size_t{64} * 1024);
    for (;;) {
        const auto got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return failed();
        const auto more = take_messages({buffer.data(), static_cast<std::size_t>(got)}, take);
        if (!more) return std::unexpected(more.error());
        if (!*more) return {};
    }
}

/// The attribute's value; empty if it is not there.
std::optional<std::string_view> attribute(std::string_view attributes, unsigned short type) {
    while (attributes.size() >= sizeof(rtattr)) {
        const auto header = value_at_front<rtattr>(attributes);
        if (header.rta_len < sizeof header || header.rta_len > attributes.size()) break;
        if (header.rta_type == type) return cut(attributes, RTA_LENGTH(0), header.rta_len);
        attributes.remove_prefix(
            std::min<std::size_t>(attributes.size(), RTA_ALIGN(header.rta_len)));
    }
    return std::nullopt;
}

base::Ip ip_of(const inet_diag_msg& message) {
    if (message.idiag_family == AF_INET) {
        std::array<std::uint8_t, 4> bytes{};
        std::memcpy(bytes.data(), &message.id.idiag_src, bytes.size());
        return base::Ip::from_v4(bytes);
    }
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &message.id.idiag_src, bytes.size());
    const bool is_link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
    return base::Ip::from_v6(bytes, is_link_local ? message.id.idiag_if : 0);
}

struct Found {
    Listening socket;
    std::uint32_t inode = 0;
};

base::Result<> add_tcp(std::uint8_t family, std::vector<Found>& all) {
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = 1U << TCP_LISTEN;
    return ask(request, [&](std::string_view payload) {
        const auto message = value_at_front<inet_diag_msg>(payload);
        const auto attributes = cut(payload, NLMSG_ALIGN(sizeof message), payload.size());
        const auto only = attribute(attributes, INET_DIAG_SKV6ONLY);
        const bool takes_v4 =
            family == AF_INET6 && only && value_at_front<std::uint8_t>(*only) == 0;
        all.push_back(
            {{{ip_of(message), ntohs(message.id.idiag_sport)}, takes_v4, message.idiag_uid, {}},
             message.idiag_inode});
    });
}

struct Said {
    Presence presence;
    uid_t user = 0;
};

base::Result<std::vector<Said>> presences() {
    std::vector<Said> all;
    unix_diag_req request{};
    request.sdiag_family = AF_UNIX;
    request.udiag_states = 1U << TCP_CLOSE;  // bound, not listening
    request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_UID;
    const auto asked = ask(request, [&](std::string_view payload) {
        const auto attributes = cut(payload, NLMSG_ALIGN(sizeof(unix_diag_msg)), payload.size());
        const auto name = attribute(attributes, UNIX_DIAG_NAME);
        const auto user = attribute(attributes, UNIX_DIAG_UID);
        if (!name || !user || !name->starts_with('\0')) return;
        if (const auto presence = parse_presence(name->substr(1)))
            all.push_back({*presence, value_at_front<std::uint32_t>(*user)});
    });
    if (!asked) return std::unexpected(asked.error());
    return all;
}

bool is_of_user(std::uint32_t pid, uid_t user) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string word; status >> word;)
        if (uid_t real = 0; word == "Uid:") return status >> real && real == user;
    return false;
}

/// Only root may look into the descriptors of a Ballast that protects its memory.
bool has_socket(std::uint32_t pid, std::uint32_t inode) {
    const auto wanted = fmt::format("socket:[{}]", inode);
    std::error_code ignored;
    std::filesystem::directory_iterator each(fmt::format("/proc/{}/fd", pid), ignored);
    for (; each != std::filesystem::directory_iterator(); each.increment(ignored))
        if (std::filesystem::read_symlink(each->path(), ignored) == wanted) return true;
    return false;
}

/// A process that holds a socket of root was given it by root, that is, by a service manager. A
/// user who runs `check` as Ballast's user could only deceive himself.
bool may_claim(const Said& said, const Found& found) {
    if (found.socket.address != said.presence.address) return false;
    if (found.socket.user == said.user) return true;
    if (found.socket.user != 0) return false;
    const auto pid = said.presence.instance.pid;
    return said.user == ::geteuid() || (is_of_user(pid, said.user) && has_socket(pid, found.inode));
}

}  // namespace

base::Result<std::vector<Listening>> listening_sockets() {
    std::vector<Found> found;
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}})
        if (const auto asked = add_tcp(family, found); !asked)
            return std::unexpected(asked.error());
    const auto said = presences();
    if (!said) return std::unexpected(said.error());
    std::vector<Listening> all;
    for (auto& each : found) {
        const auto claim =
            std::ranges::find_if(*said, [&](const Said& one) { return may_claim(one, each); });
        if (claim != said->end()) {
            each.socket.instance = claim->presence.instance;
            each.socket.user = claim->user;
        }
        all.push_back(each.socket);
    }
    return all;
}

bool is_in_the_way(const Listening& other, const base::Address& wanted) {
    if (other.address.port != wanted.port) return false;
    const auto& ip = other.address.ip;
    if (ip.family() != wanted.ip.family())
        return ip.is_any() && wanted.ip.is_v4() && other.takes_v4;
    return ip == wanted.ip || ip.is_any() || wanted.ip.is_any();
}

}  // namespace ballast::net
