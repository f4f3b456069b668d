// SPDX-License-Identifier: Apache-2.0
#include "daemon/pid_file.h"

#include "base/owned_fd.h"

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <iterator>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace ballast::daemon {

namespace {

/// What the file of this process says.
std::string own_content() { return fmt::format("{}\n", ::getpid()); }

base::Result<> failed(const std::string& doing) {
    return std::unexpected(base::last_error(base::Fault::internal, doing));
}

bool has_content(const std::string& path, std::string_view content) {
    const base::OwnedFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, 32> read{};
    const auto length = ::read(file.get(), read.data(), read.size());
    return length >= 0 &&
           content == std::string_view(read.data(), static_cast<std::size_t>(length));
}

}  // namespace

PidFile::PidFile(std::string path)
    : path_(std::move(path)), prepared_(fmt::format("{}.{}", path_, ::getpid())) {}

PidFile::~PidFile() {
    if (path_.empty()) return;
    (void)::unlink(prepared_.c_str());
    if (has_content(path_, own_content())) (void)::unlink(path_.c_str());
}

base::Result<> PidFile::prepare() {
    if (path_.empty()) return {};
    const base::OwnedFd file(
        ::open(prepared_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    const auto content = own_content();
    if (!file || ::write(file.get(), content.data(), content.size()) < std::ssize(content))
        return failed("writing " + prepared_);
    return {};
}

base::Result<> PidFile::publish() {
    if (path_.empty()) return {};
    if (::rename(prepared_.c_str(), path_.c_str()) != 0) return failed("writing " + path_);
    return {};
}

}  // namespace ballast::daemon
