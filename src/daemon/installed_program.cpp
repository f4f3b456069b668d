// SPDX-License-Identifier: Apache-2.0
#include "daemon/installed_program.h"

#include <array>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace ballast::daemon {

namespace {

std::string own_path() {
    std::string called(program_invocation_name);
    if (called.starts_with('/') && ::access(called.c_str(), X_OK) == 0) return called;
    std::array<char, 4096> path{};
    const auto length = ::readlink("/proc/self/exe", path.data(), path.size());
    return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : "ballast";
}

}  // namespace

InstalledProgram::InstalledProgram() : path_(own_path()), started_from_(stamp()) {}

InstalledProgram::Stamp InstalledProgram::stamp() const {
    struct stat status{};
    if (::stat(path_.c_str(), &status) != 0) return {};
    return {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size};
}

bool InstalledProgram::is_new() const {
    const auto now = stamp();
    return !now.empty() && now != started_from_;
}

}  // namespace ballast::daemon
