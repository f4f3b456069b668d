// SPDX-License-Identifier: Apache-2.0
#include "support/child.h"

#include "support/socket.h"
#include "support/trouble.h"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fmt/format.h>
#include <fstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace ballast::bench {

namespace {

/// Zero in the child, which dies with its parent.
pid_t fork_bound() {
    const pid_t parent = ::getpid();
    const pid_t pid = check(::fork(), "fork");
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
    }
    return pid;
}

}  // namespace

Child Child::forked(const std::string& name, const std::function<void()>& work) {
    const pid_t pid = fork_bound();
    if (pid != 0) return {name, pid};
    try {
        work();
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}: {}\n", name, error.what());
    }
    ::_exit(1);
}

Child Child::executed(const std::string& name, std::vector<std::string> arguments,
                      const std::string& text) {
    // Inherited: no close-on-exec.
    const Socket file(check(::memfd_create(name.c_str(), 0), "memfd_create"));
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::runtime_error("cannot write the configuration of " + name);
    std::vector<char*> pointers;
    for (auto& argument : arguments) {
        if (argument == "@") argument = fmt::format("/dev/fd/{}", file.get());
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    const pid_t pid = fork_bound();
    if (pid != 0) return {name, pid};
    ::execv(pointers.front(), pointers.data());
    fmt::print(stderr, "{}: cannot be started\n", arguments.front());
    ::_exit(127);
}

Child::~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::chrono::duration<double> Child::cpu_time() const {
    clockid_t clock = 0;
    timespec time{};
    if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
        throw std::runtime_error(name_ + " has ended");
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::size_t Child::resident_bytes() const {
    // Exact; the counter behind VmRSS lags by some pages for each processor.
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid_));
    for (std::string word; file >> word;) {
        std::size_t kibibytes = 0;
        if (word == "Rss:" && file >> kibibytes) return kibibytes << 10;
    }
    throw std::runtime_error(name_ + " has ended");
}

bool Child::has_ended() const {
    siginfo_t information{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &information, WEXITED | WNOHANG | WNOWAIT) !=
               0 ||
           information.si_pid != 0;
}

void Child::wait_for_port(std::uint16_t port) const {
    for (int attempt = 0; attempt < 1000; ++attempt) {
        try {
            (void)Socket::connected(port);
            return;
        } catch (const std::system_error&) {
            if (has_ended()) break;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    throw std::runtime_error(name_ + " does not listen");
}

}  // namespace ballast::bench
