// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace ballast::base {

/// A file descriptor that its owner's destructor closes.
class OwnedFd {
public:
    OwnedFd() = default;
    explicit OwnedFd(int native) : native_(native) {}
    OwnedFd(OwnedFd&& other) noexcept : native_(std::exchange(other.native_, -1)) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept {
        std::swap(native_, other.native_);
        return *this;
    }
    ~OwnedFd() {
        if (native_ >= 0) ::close(native_);
    }
    OwnedFd(const OwnedFd&) = delete;
    OwnedFd& operator=(const OwnedFd&) = delete;

    /// Another descriptor of the same file or socket. Empty (see errno) if there is none left.
    [[nodiscard]] OwnedFd copy() const { return OwnedFd(::fcntl(native_, F_DUPFD_CLOEXEC, 0)); }
    [[nodiscard]] int get() const { return native_; }
    [[nodiscard]] int release() { return std::exchange(native_, -1); }
    [[nodiscard]] explicit operator bool() const { return native_ >= 0; }

private:
    int native_ = -1;
};

}  // namespace ballast::base
