// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace ballast::bench {

/// A child process. It ends with this object, and with this process however that ends.
class Child {
public:
    /// Call it before this process has threads: the child is a copy that runs only `work`.
    [[nodiscard]] static Child forked(const std::string& name, const std::function<void()>& work);
    /// Another program, by its path. In the arguments `@` stands for the path of an unnamed file
    /// that holds `text`, so nothing is left behind.
    [[nodiscard]] static Child executed(const std::string& name, std::vector<std::string> arguments,
                                        const std::string& text);

    Child(Child&& other) noexcept
        : name_(std::move(other.name_)), pid_(std::exchange(other.pid_, -1)) {}
    Child& operator=(Child&&) = delete;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    /// Processor time of all its threads, running and ended.
    [[nodiscard]] std::chrono::duration<double> cpu_time() const;
    [[nodiscard]] std::size_t resident_bytes() const;
    /// Returns once somebody listens on this port of 127.0.0.1; throws if the child ends first.
    void wait_for_port(std::uint16_t port) const;

private:
    Child(std::string name, pid_t pid) : name_(std::move(name)), pid_(pid) {}
    [[nodiscard]] bool has_ended() const;

    std::string name_;
    pid_t pid_;
};

}  // namespace ballast::bench
