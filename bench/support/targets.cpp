// SPDX-License-Identifier: Apache-2.0
#include "support/targets.h"

#include "support/balancers.h"
#include "support/splice_relay.h"

#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace ballast::bench {

namespace {

constexpr std::string_view haproxy_listeners = R"(
listen control
    bind 127.0.0.1:{front}
    server bench 127.0.0.1:{back}
listen bytes
    bind 127.0.0.1:{bytes_front}
    server bench 127.0.0.1:{bytes_back}
)";

Target through_ballast(const TargetOptions& options, const Server& server) {
    const Passage passage{.back = server.sockets.control.port()};
    return {.name = "ballast",
            .process = start_ballast(options, server.certificate, {passage}),
            .door = {.port = passage.front},
            .tls_1_2_door = {},
            .bytes_port = 0,
            .carries_data = true};
}

/// What explain costs is the difference.
Target through_ballast_without_explain(const TargetOptions& options, const Server& server) {
    const Passage passage{.back = server.sockets.control.port()};
    return {.name = "ballast without explain",
            .process = start_ballast(options, server.certificate, {passage},
                                     "[admin]\nexplain_memory = \"0B\"\n"),
            .door = {.port = passage.front},
            .tls_1_2_door = {},
            .bytes_port = 0,
            .carries_data = false};
}

/// A server that can be left must be asked about each file.
Target through_ballast_with_failover(const TargetOptions& options, const Server& server) {
    const Passage passage{.back = server.sockets.control.port(), .has_failover = true};
    return {.name = "ballast with failover",
            .process = start_ballast(options, server.certificate, {passage}),
            .door = {.port = passage.front},
            .tls_1_2_door = {},
            .bytes_port = 0,
            .carries_data = true};
}

Target through_haproxy(const TargetOptions& options, const Server& server) {
    const std::uint16_t front = free_port();
    const std::uint16_t bytes_front = free_port();
    const auto listeners = fmt::format(haproxy_listeners, fmt::arg("front", front),
                                       fmt::arg("back", server.sockets.control.port()),
                                       fmt::arg("bytes_front", bytes_front),
                                       fmt::arg("bytes_back", server.sockets.source.port()));
    return {.name = "haproxy",
            .process = start_haproxy(options, listeners, bytes_front),
            .door = {.port = front},
            .tls_1_2_door = {},
            .bytes_port = bytes_front,
            .carries_data = false};
}

Target through_relay(const TargetOptions& options, const Server& server) {
    const Socket listener = Socket::listening();
    const std::uint16_t port = listener.port();
    const std::uint16_t back = server.sockets.source.port();
    auto process =
        Child::forked("bare relay", [&] { relay_by_splice(listener, back, options.threads); });
    return {.name = "bare relay",
            .process = std::move(process),
            .door = {},
            .tls_1_2_door = {},
            .bytes_port = port,
            .carries_data = false};
}

}  // namespace

Targets::Targets(const TargetOptions& options) : server_(options.origin) {
    all_.push_back({.name = "direct",
                    .process = std::nullopt,
                    .door = {.port = server_.sockets.control.port()},
                    .tls_1_2_door = {},
                    .bytes_port = 0,
                    .carries_data = true});
    all_.push_back(through_relay(options, server_));
    all_.push_back(through_ballast(options, server_));
    all_.push_back(through_ballast_without_explain(options, server_));
    all_.push_back(through_ballast_with_failover(options, server_));
    if (!options.haproxy.empty()) all_.push_back(through_haproxy(options, server_));
}

}  // namespace ballast::bench
