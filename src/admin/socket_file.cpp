// SPDX-License-Identifier: Apache-2.0
#include "admin/socket_file.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <grp.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace ballast::admin {

namespace {

constexpr int backlog = 64;
constexpr mode_t mode = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP;

base::Error failure(std::string what) { return {base::Fault::internal, {}, std::move(what)}; }

base::Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return std::unexpected(failure(fmt::format("{} is too long for a socket's path", path)));
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

base::OwnedFd open_socket() {
    return base::OwnedFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// The socket API is specified in terms of this cast.
const sockaddr* general(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);  // NOLINT
}

/// Whether a process listens there. If its backlog is full, connecting fails with EAGAIN.
bool is_alive(const sockaddr_un& address) {
    const auto socket = open_socket();
    return ::connect(socket.get(), general(address), sizeof address) == 0 || errno == EAGAIN;
}

/// Refuses to take a path that is in use.
base::Result<> check_free(const std::string& path, const sockaddr_un& address) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return {};  // most often: there is none
    if (!S_ISSOCK(status.st_mode))
        return std::unexpected(failure(fmt::format(
            "{} is there and is not a socket (name another path, or remove it)", path)));
    if (is_alive(address))
        return std::unexpected(failure(fmt::format(
            "another Ballast runs with the socket {} (stop it, or name another path)", path)));
    return {};
}

/// The group's number; empty for our own group.
base::Result<std::optional<gid_t>> number_of(const std::string& group) {
    if (group.empty()) return std::nullopt;
    constexpr std::size_t entry_bytes = 65536;
    std::vector<char> entry(entry_bytes);
    ::group known{};
    ::group* found = nullptr;
    ::getgrnam_r(group.c_str(), &known, entry.data(), entry.size(), &found);
    if (found != nullptr) return known.gr_gid;
    return std::unexpected(
        failure(fmt::format("there is no group {} (name one, or create it)", group)));
}

base::Error refused(const std::string& path) {
    auto error = base::last_error(base::Fault::internal, "cannot listen on " + path);
    if (error.code == std::errc::no_such_file_or_directory) error.doing += " (make its folder)";
    return error;
}

}  // namespace

base::Result<SocketFile> SocketFile::open(const std::string& path, const std::string& group) {
    const auto address = address_of(path);
    // The file appears under its name when everything about it is right.
    const auto new_path = path + ".new";
    const auto new_address = address_of(new_path);
    if (!address || !new_address)
        return std::unexpected(address ? new_address.error() : address.error());
    if (auto free = check_free(path, *address); !free) return std::unexpected(free.error());
    const auto number = number_of(group);
    if (!number) return std::unexpected(number.error());

    SocketFile file;
    file.listening_ = open_socket();
    ::unlink(new_path.c_str());  // left behind by a crash
    if (!file.listening_ ||
        ::bind(file.listening_.get(), general(*new_address), sizeof *new_address) != 0)
        return std::unexpected(refused(path));
    struct stat status{};
    const auto failed = [&](base::Error error) {
        ::unlink(new_path.c_str());
        return std::unexpected(std::move(error));
    };
    if (*number && ::chown(new_path.c_str(), static_cast<uid_t>(-1), **number) != 0)
        return failed(failure(
            fmt::format("cannot give {} to the group {}: {} (make Ballast's user a member)", path,
                        group, std::error_code(errno, std::system_category()).message())));
    if (::chmod(new_path.c_str(), mode) != 0 || ::listen(file.listening_.get(), backlog) != 0 ||
        ::lstat(new_path.c_str(), &status) != 0 || ::rename(new_path.c_str(), path.c_str()) != 0)
        return failed(refused(path));
    file.path_ = path;
    file.inode_ = status.st_ino;
    file.device_ = status.st_dev;
    return file;
}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
    std::swap(listening_, other.listening_);
    std::swap(path_, other.path_);
    std::swap(inode_, other.inode_);
    std::swap(device_, other.device_);
    return *this;
}

SocketFile::~SocketFile() {
    struct stat status{};
    if (path_.empty() || ::lstat(path_.c_str(), &status) != 0) return;
    if (status.st_ino == inode_ && status.st_dev == device_) ::unlink(path_.c_str());
}

}  // namespace ballast::admin
