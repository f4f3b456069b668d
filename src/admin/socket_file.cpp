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

template <typename T>
using Result = std::expected<T, SocketRefusal>;

std::unexpected<SocketRefusal> refused(std::string what, std::string fix) {
    return std::unexpected(SocketRefusal{std::move(what), std::move(fix)});
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return refused(fmt::format("{} is too long for a socket's path", path),
                       "name a shorter one");
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
Result<void> check_free(const std::string& path, const sockaddr_un& address, bool replaces) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return {};  // most often: there is none
    if (!S_ISSOCK(status.st_mode))
        return refused(fmt::format("{} exists and is not a socket", path),
                       "name another path, or remove it");
    if (!replaces && is_alive(address))
        return refused(fmt::format("another Ballast runs with the socket {}", path),
                       "stop it, or name another path");
    return {};
}

/// The group's number; empty for our own group.
Result<std::optional<gid_t>> number_of(const std::string& group) {
    if (group.empty()) return std::nullopt;
    const auto number = find_group(group);
    if (number) return number;
    return refused(fmt::format("there is no group {}", group), "name one, or create it");
}

std::unexpected<SocketRefusal> cannot_listen(const std::string& path) {
    const std::error_code error(errno, std::system_category());
    return refused(fmt::format("cannot listen on {}: {}", path, error.message()),
                   error == std::errc::no_such_file_or_directory
                       ? "make its folder"
                       : "name a path in a folder that this user may write to");
}

/// Removes the file if not everything about it is right.
class NewFile {
public:
    explicit NewFile(std::string path) : path_(std::move(path)) {
        ::unlink(path_.c_str());  // left behind by a crash
    }
    ~NewFile() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    [[nodiscard]] const char* path() const { return path_.c_str(); }
    [[nodiscard]] bool rename_to(const std::string& path) {
        if (::rename(path_.c_str(), path.c_str()) != 0) return false;
        path_.clear();
        return true;
    }

private:
    std::string path_;
};

}  // namespace

std::string socket_of_replaced(const std::string& socket, std::int64_t pid) {
    return fmt::format("{}.{}", socket, pid);
}

std::optional<gid_t> find_group(const std::string& name) {
    constexpr std::size_t entry_bytes = 65536;
    std::vector<char> entry(entry_bytes);
    ::group known{};
    ::group* found = nullptr;
    ::getgrnam_r(name.c_str(), &known, entry.data(), entry.size(), &found);
    if (found == nullptr) return std::nullopt;
    return known.gr_gid;
}

std::expected<SocketFile, SocketRefusal> SocketFile::open(const std::string& path,
                                                          const std::string& group, bool replaces) {
    const auto address = address_of(path);
    const auto new_path = path + ".new";
    const auto new_address = address_of(new_path);
    if (!address || !new_address)
        return std::unexpected(address ? new_address.error() : address.error());
    if (auto is_free = check_free(path, *address, replaces); !is_free)
        return std::unexpected(std::move(is_free.error()));
    const auto number = number_of(group);
    if (!number) return std::unexpected(number.error());

    // The file gets its name when everything about it is right.
    SocketFile file;
    file.listening_ = open_socket();
    NewFile created(new_path);
    if (!file.listening_ ||
        ::bind(file.listening_.get(), general(*new_address), sizeof *new_address) != 0)
        return cannot_listen(path);
    if (*number && ::chown(created.path(), static_cast<uid_t>(-1), **number) != 0)
        return refused(fmt::format("cannot give {} to the group {}: {}", path, group,
                                   std::error_code(errno, std::system_category()).message()),
                       "make Ballast's user a member of the group");
    struct stat status{};
    if (::chmod(created.path(), mode) != 0 || ::listen(file.listening_.get(), backlog) != 0 ||
        ::lstat(created.path(), &status) != 0 || !created.rename_to(path))
        return cannot_listen(path);
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
