// SPDX-License-Identifier: Apache-2.0
#include "relay/pipe.h"

#include "net/socket.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace ballast::relay {

namespace {

constexpr int wanted_bytes = 1 << 20;
constexpr int accepted_bytes = 256 << 10;
constexpr std::size_t idle_pipes_max = 16;

std::vector<Pipe>& idle_pipes() {
    thread_local std::vector<Pipe> pipes;
    return pipes;
}

}  // namespace

std::optional<Pipe> Pipe::borrow() {
    auto& idle = idle_pipes();
    if (idle.empty()) return open();
    Pipe pipe = std::move(idle.back());
    idle.pop_back();
    return pipe;
}

std::optional<Pipe> Pipe::open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return std::nullopt;
    Pipe pipe(ends[0], ends[1], 0);
    if (net::is_of_reserve(std::max(ends[0], ends[1]))) return std::nullopt;
    int bytes = ::fcntl(ends[1], F_SETPIPE_SZ, wanted_bytes);
    if (bytes < 0) bytes = ::fcntl(ends[1], F_SETPIPE_SZ, accepted_bytes);
    if (bytes < accepted_bytes) return std::nullopt;
    pipe.capacity_ = static_cast<std::size_t>(bytes);
    return pipe;
}

void Pipe::give_back() {
    auto& idle = idle_pipes();
    if (idle.size() < idle_pipes_max) idle.push_back(std::move(*this));
}

Pipe::~Pipe() {
    if (read_end_ >= 0) ::close(read_end_);
    if (write_end_ >= 0) ::close(write_end_);
}

}  // namespace ballast::relay
