// SPDX-License-Identifier: Apache-2.0
#include "support/targets.h"

#include "support/splice_relay.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::bench {

namespace {

constexpr std::string_view ballast_configuration = R"(
workers = {threads}
[log]
level = "error"
format = "text"
[listener.bench]
bind = ["127.0.0.1:{front}"]
pool = "bench"
passive_ports = "20000-20199"
[pool.bench]
probe = {{ type = "none" }}
[[pool.bench.backend]]
name = "bench"
address = "127.0.0.1:{back}"
)";

/// The settings with which it needs least: splicing that is not left to its own judgement, and
/// pipes of 1 MiB.
constexpr std::string_view haproxy_configuration = R"(
global
    nbthread {threads}
    maxconn 9000
    maxpipes 100
    tune.pipesize 1048576
defaults
    mode tcp
    option splice-request
    option splice-response
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen control
    bind 127.0.0.1:{front}
    server bench 127.0.0.1:{back}
listen bytes
    bind 127.0.0.1:{bytes_front}
    server bench 127.0.0.1:{bytes_back}
)";

Target start_ballast(const TargetOptions& options, std::uint16_t back) {
    const std::uint16_t front = free_port();
    const auto configuration =
        fmt::format(ballast_configuration, fmt::arg("threads", options.threads),
                    fmt::arg("front", front), fmt::arg("back", back));
    auto process = Child::executed("ballast", {options.ballast, "run", "-c", "@"}, configuration);
    process.wait_for_port(front);
    return {.name = "ballast",
            .process = std::move(process),
            .ftp_port = front,
            .bytes_port = 0,
            .carries_data = true};
}

Target start_haproxy(const TargetOptions& options, std::uint16_t back, std::uint16_t bytes_back) {
    const std::uint16_t front = free_port();
    const std::uint16_t bytes_front = free_port();
    const auto configuration =
        fmt::format(haproxy_configuration, fmt::arg("threads", options.threads),
                    fmt::arg("front", front), fmt::arg("back", back),
                    fmt::arg("bytes_front", bytes_front), fmt::arg("bytes_back", bytes_back));
    auto process = Child::executed("haproxy", {options.haproxy, "-db", "-f", "@"}, configuration);
    process.wait_for_port(bytes_front);
    return {.name = "haproxy",
            .process = std::move(process),
            .ftp_port = front,
            .bytes_port = bytes_front,
            .carries_data = false};
}

Target start_relay(const TargetOptions& options, std::uint16_t bytes_back) {
    const Socket listener = Socket::listening();
    const std::uint16_t port = listener.port();
    auto process = Child::forked("bare relay",
                                 [&] { relay_by_splice(listener, bytes_back, options.threads); });
    return {.name = "bare relay",
            .process = std::move(process),
            .ftp_port = 0,
            .bytes_port = port,
            .carries_data = false};
}

}  // namespace

Targets::Targets(const TargetOptions& options)
    : server_(Child::forked("server", [&] { serve_ftp(control_, source_, options.origin); })) {
    const std::uint16_t back = control_.port();
    const std::uint16_t bytes_back = source_.port();
    all_.push_back({.name = "direct",
                    .process = std::nullopt,
                    .ftp_port = back,
                    .bytes_port = 0,
                    .carries_data = true});
    all_.push_back(start_relay(options, bytes_back));
    all_.push_back(start_ballast(options, back));
    if (!options.haproxy.empty()) all_.push_back(start_haproxy(options, back, bytes_back));
}

}  // namespace ballast::bench
