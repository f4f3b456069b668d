// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace ballast::bench {

/// How a child is told to end: killed, or by SIGTERM if it has children of its own, which it then
/// ends itself.
enum class Ending : bool { killed, asked };

/// A child process. It ends with this object, and with this process however that ends.
class Child {
public:
    /// Call it before this process has threads: the child is a copy that runs only `work`.
    [[nodiscard]] static Child forked(const std::string& name, const std::function<void()>& work);
    /// Another program, by its path. In the arguments `@` stands for the path of an unnamed file
    /// that holds `text`, so nothing is left behind.
    [[nodiscard]] static Child executed(const std::string& name, std::vector<std::string> arguments,
                                        const std::string& text, Ending ending = Ending::killed);

    Child(Child&& other) noexcept
        : name_(std::move(other.name_)),
          pid_(std::exchange(other.pid_, -1)),
          ending_(other.ending_) {}
    Child& operator=(Child&&) = delete;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    /// Processor time of all its threads and processes, running and ended.
    [[nodiscard]] std::chrono::duration<double> cpu_time() const;
    /// Of each thread of the child itself that runs now.
    [[nodiscard]] std::vector<std::chrono::duration<double>> thread_cpu_times() const;
    /// Of all its processes. A page that several processes share is divided among them.
    [[nodiscard]] std::size_t resident_bytes() const;
    /// Returns once somebody listens there; throws if the child ends first.
    void wait_for_port(std::uint16_t port, Host host = {}) const;

private:
    Child(std::string name, pid_t pid, Ending ending)
        : name_(std::move(name)), pid_(pid), ending_(ending) {}
    [[nodiscard]] bool has_ended() const;

    std::string name_;
    pid_t pid_;
    Ending ending_;
};

}  // namespace ballast::bench
