// SPDX-License-Identifier: Apache-2.0
#include "support/child.h"

#include "support/trouble.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace ballast::bench {

namespace {

int signal_of(Ending ending) { return ending == Ending::killed ? SIGKILL : SIGTERM; }

/// Zero in the child, which dies with its parent.
pid_t fork_bound(Ending ending) {
    const pid_t parent = ::getpid();
    const pid_t pid = check(::fork(), "fork");
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, signal_of(ending));
        if (::getppid() != parent) ::_exit(1);
    }
    return pid;
}

/// A process, its children, and theirs.
std::vector<pid_t> family_of(pid_t pid) {
    std::vector<pid_t> family{pid};
    for (std::size_t i = 0; i < family.size(); ++i) {
        std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", family[i]));
        for (pid_t child = 0; children >> child;) family.push_back(child);
    }
    return family;
}

/// Of its threads, running and ended. None if the process has ended.
std::optional<std::chrono::nanoseconds> own_cpu_time(pid_t pid) {
    clockid_t clock = 0;
    timespec time{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
        return std::nullopt;
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Of its children that have ended.
std::chrono::duration<double> ended_children_cpu_time(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text);
    // The name in brackets may hold spaces. Behind it the first field is the third of proc(5).
    std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
    constexpr int fields_before_cutime = 13;
    for (int i = 0; i < fields_before_cutime; ++i) fields >> text;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return std::chrono::duration<double>((user + system) /
                                         static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

/// None if the process has ended.
std::optional<std::size_t> resident_bytes_of(pid_t pid) {
    // Exact; the counter behind VmRSS lags by some pages for each processor.
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
    for (std::string word; file >> word;) {
        std::size_t kibibytes = 0;
        if (word == "Pss:" && file >> kibibytes) return kibibytes << 10;
    }
    return std::nullopt;
}

}  // namespace

Child Child::forked(const std::string& name, const std::function<void()>& work) {
    const pid_t pid = fork_bound(Ending::killed);
    if (pid != 0) return {name, pid, Ending::killed};
    try {
        work();
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}: {}\n", name, error.what());
    }
    ::_exit(1);
}

Child Child::executed(const std::string& name, std::vector<std::string> arguments,
                      const std::string& text, Ending ending) {
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
    const pid_t pid = fork_bound(ending);
    if (pid != 0) return {name, pid, ending};
    ::execv(pointers.front(), pointers.data());
    fmt::print(stderr, "{}: cannot be started\n", arguments.front());
    ::_exit(127);
}

Child::~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, signal_of(ending_));
    ::waitpid(pid_, nullptr, 0);
}

std::chrono::duration<double> Child::cpu_time() const {
    if (!own_cpu_time(pid_)) throw std::runtime_error(name_ + " has ended");
    std::chrono::duration<double> sum(0);
    for (const pid_t member : family_of(pid_)) {
        sum += own_cpu_time(member).value_or(std::chrono::nanoseconds(0));
        sum += ended_children_cpu_time(member);
    }
    return sum;
}

std::vector<std::chrono::duration<double>> Child::thread_cpu_times() const {
    std::map<std::string, std::chrono::nanoseconds> by_thread;
    for (const auto& thread :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid_))) {
        // Its first number is the time on a processor (sched-stats in the kernel's documentation).
        std::ifstream file(thread.path() / "schedstat");
        std::int64_t nanoseconds = 0;
        if (file >> nanoseconds)
            by_thread[thread.path().filename()] = std::chrono::nanoseconds(nanoseconds);
    }
    std::vector<std::chrono::duration<double>> times;
    for (const auto& [thread, time] : by_thread) times.emplace_back(time);
    return times;
}

std::size_t Child::resident_bytes() const {
    if (!resident_bytes_of(pid_)) throw std::runtime_error(name_ + " has ended");
    std::size_t sum = 0;
    for (const pid_t member : family_of(pid_)) sum += resident_bytes_of(member).value_or(0);
    return sum;
}

bool Child::has_ended() const {
    siginfo_t information{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &information, WEXITED | WNOHANG | WNOWAIT) !=
               0 ||
           information.si_pid != 0;
}

void Child::wait_for_port(std::uint16_t port, Host host) const {
    for (int attempt = 0; attempt < 1000; ++attempt) {
        try {
            (void)Socket::connected(port, host);
            return;
        } catch (const std::system_error&) {
            if (has_ended()) break;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    throw std::runtime_error(name_ + " does not listen");
}

}  // namespace ballast::bench
