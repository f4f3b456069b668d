// SPDX-License-Identifier: Apache-2.0
#include "base/log_target.h"

#include "base/number.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace ballast::log {

namespace {

/// After this time without an acknowledgement a server is dead, and the connection is made again.
constexpr auto tcp_patience = std::chrono::seconds(20);

std::string reason_of(int error) {
    return std::error_code(error, std::system_category()).message();
}

std::expected<int, std::string> connected(int family, int type, const sockaddr* to,
                                          socklen_t length) {
    const int made = ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) return std::unexpected(reason_of(errno));
    if (type == SOCK_STREAM) {
        const auto milliseconds =
            static_cast<unsigned>(std::chrono::milliseconds(tcp_patience).count());
        (void)::setsockopt(made, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
    }
    if (::connect(made, to, length) == 0 || errno == EINPROGRESS) return made;
    const auto reason = reason_of(errno);
    ::close(made);
    return std::unexpected(reason);
}

std::expected<int, std::string> connected_to_path(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (path.size() >= sizeof to.sun_path) return std::unexpected(reason_of(ENAMETOOLONG));
    std::memcpy(to.sun_path, path.data(), path.size());
    const void* const generic = &to;
    return connected(AF_UNIX, SOCK_DGRAM, static_cast<const sockaddr*>(generic), sizeof to);
}

std::expected<int, std::string> connected_to_host(const Target& target) {
    const int type = target.kind == Target::Kind::syslog_tcp ? SOCK_STREAM : SOCK_DGRAM;
    addrinfo hints{};
    hints.ai_socktype = type;
    addrinfo* found = nullptr;
    const auto port = fmt::format("{}", target.port);
    const int failed = ::getaddrinfo(target.place.c_str(), port.c_str(), &hints, &found);
    if (failed != 0)
        return std::unexpected(failed == EAI_SYSTEM ? reason_of(errno) : ::gai_strerror(failed));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
    std::expected<int, std::string> opened = std::unexpected("it has no address");
    for (const auto* each = found; each != nullptr && !opened; each = each->ai_next)
        opened = connected(each->ai_family, type, each->ai_addr, each->ai_addrlen);
    return opened;
}

std::expected<int, std::string> opened_file(const std::string& path) {
    const int opened = open_to_append(path);
    if (opened < 0) return std::unexpected(reason_of(errno));
    return opened;
}

}  // namespace

std::optional<Target> parse_syslog(std::string_view text) {
    const auto takes = [&](std::string_view scheme) {
        const bool has = text.starts_with(scheme);
        if (has) text.remove_prefix(scheme.size());
        return has;
    };
    if (takes("unix:")) {
        if (!text.starts_with('/')) return std::nullopt;
        return Target{Target::Kind::syslog_unix, std::string(text)};
    }
    const bool is_udp = takes("udp://");
    if (!is_udp && !takes("tcp://")) return std::nullopt;
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = base::parse_number<std::uint16_t>(text.substr(colon + 1));
    auto host = text.substr(0, colon);
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    if (is_bracketed) host = host.substr(1, host.size() - 2);
    if (!port || *port == 0 || host.empty() || is_bracketed != host.contains(':'))
        return std::nullopt;
    if (host.find_first_of(" /[]") != std::string_view::npos) return std::nullopt;
    const auto kind = is_udp ? Target::Kind::syslog_udp : Target::Kind::syslog_tcp;
    return Target{kind, std::string(host), *port};
}

int open_to_append(const std::string& path) {
    if (path.empty()) return STDERR_FILENO;
    constexpr int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    const int opened = ::open(path.c_str(), O_WRONLY | flags, 0640);  // NOLINT
    if (opened >= 0 || errno != ENXIO) return opened;
    // A FIFO that nobody reads yet. Its own reader keeps it open (fifo(7)).
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return -1;
    if (!S_ISFIFO(status.st_mode)) {
        errno = ENXIO;
        return -1;
    }
    return ::open(path.c_str(), O_RDWR | flags, 0640);  // NOLINT
}

std::expected<int, std::string> open_target(const Target& target) {
    switch (target.kind) {
        case Target::Kind::file: return opened_file(target.place);
        case Target::Kind::journal:
        case Target::Kind::syslog_unix: return connected_to_path(target.place);
        case Target::Kind::syslog_udp:
        case Target::Kind::syslog_tcp: return connected_to_host(target);
    }
    return std::unexpected(reason_of(EINVAL));
}

}  // namespace ballast::log
