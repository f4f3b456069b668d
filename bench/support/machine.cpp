// SPDX-License-Identifier: Apache-2.0
#include "support/machine.h"

#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

namespace ballast::bench {

namespace {

constexpr std::string_view not_here = "not here";

std::string processor() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
    return "unknown processor";
}

template <typename Value>
Value first_of(const char* path, const Value& otherwise) {
    Value value = otherwise;
    std::ifstream file(path);
    return file >> value ? value : otherwise;
}

struct CloseCommand {
    void operator()(std::FILE* stream) const noexcept { ::pclose(stream); }
};

/// The first line that a command prints.
std::string first_line_of(const std::string& command) {
    const std::unique_ptr<std::FILE, CloseCommand> stream(
        ::popen((command + " 2>&1").c_str(), "re"));
    std::string line(200, '\0');
    if (!stream || std::fgets(line.data(), static_cast<int>(line.size()), stream.get()) == nullptr)
        return "unknown";
    return line.substr(0, line.find_first_of(std::string_view("\n\0", 2)));
}

}  // namespace

Machine this_machine() {
    utsname kernel{};
    ::uname(&kernel);
    const auto bytes = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<double>(::sysconf(_SC_PAGESIZE));
    return {.processor = processor(),
            .cores = std::thread::hardware_concurrency(),
            .memory_gibibytes = bytes / (1 << 30),
            .kernel = fmt::format("{} {}", kernel.sysname, kernel.release),
            .congestion_control =
                first_of<std::string>("/proc/sys/net/ipv4/tcp_congestion_control", "unknown"),
            .load = first_of<double>("/proc/loadavg", 0)};
}

void print(const Machine& machine) {
    fmt::print("{} cores of {}, {:.0f} GiB, {}, load {:.2f} before\n", machine.cores,
               machine.processor, machine.memory_gibibytes, machine.kernel, machine.load);
    fmt::print("{}, {}\n", machine.network, machine.congestion_control);
}

Versions versions_of(const TargetOptions& options) {
    const auto version = [](bool is_here, const std::string& command) {
        return is_here ? first_line_of(command) : std::string(not_here);
    };
    return {.ballast = first_line_of(options.ballast + " --version"),
            .haproxy = version(options.has_haproxy(), options.haproxy + " -v"),
            .nginx = version(options.has_nginx(), options.nginx() + " -v"),
            .mod_proxy = version(options.has_mod_proxy(), options.proftpd() + " -v")};
}

void print(const Versions& versions) {
    fmt::print("Ballast: {}\nHAProxy: {}\nnginx: {}\nmod_proxy: {}\n", versions.ballast,
               versions.haproxy, versions.nginx, versions.mod_proxy);
}

}  // namespace ballast::bench
