// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

namespace ballast::relay {

/// A kernel pipe between two sockets. Its worker (thread) lends it for a turn. It is returned only
/// when empty and closed otherwise. A waiting transfer holds one only if its sink is slower than
/// its source.
class Pipe {
public:
    /// Empty if the system refuses a pipe of at least 256 KiB (an unprivileged user may have 64 MiB
    /// of pipe pages). Then bytes are copied.
    [[nodiscard]] static std::optional<Pipe> borrow();
    /// Returns an empty pipe: another transfer of this worker may use it.
    void give_back();

    [[nodiscard]] int read_end() const { return read_end_; }
    [[nodiscard]] int write_end() const { return write_end_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }

    Pipe(Pipe&& other) noexcept
        : read_end_(std::exchange(other.read_end_, -1)),
          write_end_(std::exchange(other.write_end_, -1)),
          capacity_(other.capacity_) {}
    Pipe& operator=(Pipe&& other) noexcept {
        std::swap(read_end_, other.read_end_);
        std::swap(write_end_, other.write_end_);
        std::swap(capacity_, other.capacity_);
        return *this;
    }
    ~Pipe();
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

private:
    Pipe(int read_end, int write_end, std::size_t capacity)
        : read_end_(read_end), write_end_(write_end), capacity_(capacity) {}
    [[nodiscard]] static std::optional<Pipe> open();

    int read_end_ = -1;
    int write_end_ = -1;
    std::size_t capacity_ = 0;
};

}  // namespace ballast::relay
