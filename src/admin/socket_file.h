// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <sys/types.h>

namespace ballast::admin {

/// The number of a group. Empty: there is none of this name.
[[nodiscard]] std::optional<gid_t> find_group(const std::string& name);

/// Where a process that another one has replaced goes on answering.
[[nodiscard]] std::string socket_of_replaced(const std::string& socket, std::int64_t pid);

/// Why there is no socket, and what would be right.
struct SocketRefusal {
    std::string what;
    std::string fix;
};

/// A listening Unix socket and its file, which this object removes at its end. Only this process's
/// user and one group may connect.
class SocketFile {
public:
    /// `group`: empty for the process's own. Replaces the file of a process that has ended. Refuses
    /// if another process listens there, if there is a file of another kind, or if the folder or
    /// the group does not permit it.
    /// With `replaces`, another process may listen there: this one takes its place.
    [[nodiscard]] static std::expected<SocketFile, SocketRefusal> open(const std::string& path,
                                                                       const std::string& group,
                                                                       bool replaces = false);
    SocketFile(SocketFile&& other) noexcept = default;
    SocketFile& operator=(SocketFile&& other) noexcept;
    ~SocketFile();
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;

    /// Gives the descriptor away: non-blocking and listening. The file stays ours.
    [[nodiscard]] base::OwnedFd take() { return std::move(listening_); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    SocketFile() = default;
    base::OwnedFd listening_;
    std::string path_;  ///< empty after a move
    ino_t inode_ = 0;   ///< another process may have replaced the file
    dev_t device_ = 0;
};

}  // namespace ballast::admin
