// SPDX-License-Identifier: Apache-2.0
#include "support/ftps_targets.h"

#include "support/balancers.h"

#include <fmt/format.h>
#include <optional>

namespace ballast::bench {

namespace {

/// HAProxy cannot read the port that the server names under TLS, so every port of the server needs
/// one of HAProxy's. On one machine both cannot have the same numbers.
constexpr int haproxy_shift = 2000;
constexpr std::string_view haproxy_listeners = R"(
listen control
    bind 127.0.0.1:{front}
    server bench 127.0.0.1:{back}
listen data
    bind 127.0.0.1:{first_port}-{last_port}
    server bench 127.0.0.1:-{shift}
)";

}  // namespace

FtpsTargets::FtpsTargets(const TargetOptions& options) : server_(options.origin) {
    all_.push_back(direct(true));
    all_.push_back(through_ballast(options, false));
    all_.push_back(through_ballast(options, true));
    all_.push_back(through_ballast_unread(options));
    if (!options.haproxy.empty()) all_.push_back(through_haproxy(options));
    all_.push_back(direct(false));
    all_.push_back(through_plain_ballast(options));
}

Door FtpsTargets::door(std::uint16_t port, TlsVersion version) const {
    return {.port = port, .tls = (version == TlsVersion::v1_2 ? tls_1_2_ : tls_1_3_).get()};
}

Target FtpsTargets::direct(bool has_tls) const {
    const std::uint16_t port = server_.sockets.control.port();
    return {.name = std::string(has_tls ? direct_tls : "direct, plain"),
            .process = std::nullopt,
            .door = has_tls ? door(port, TlsVersion::v1_3) : Door{.port = port},
            .tls_1_2_door = has_tls ? door(port, TlsVersion::v1_2) : Door{},
            .bytes_port = 0,
            .carries_data = true};
}

Target FtpsTargets::through_plain_ballast(const TargetOptions& options) const {
    const Passage passage{.back = server_.sockets.control.port()};
    return {.name = "ballast, plain to plain",
            .process = start_ballast(options, server_.certificate, {passage}),
            .door = {.port = passage.front},
            .tls_1_2_door = {},
            .bytes_port = 0,
            .carries_data = true};
}

Target FtpsTargets::through_ballast(const TargetOptions& options, bool has_tls_behind) const {
    // If Ballast does not resume towards the server, the figure would be misleading.
    const std::uint16_t back =
        (has_tls_behind ? server_.sockets.resuming_control : server_.sockets.control).port();
    const auto passage = [&](TlsVersion version) {
        return Passage{.back = back,
                       .has_tls_in_front = true,
                       .has_tls_behind = has_tls_behind,
                       .version = version};
    };
    const Passage tls_1_3 = passage(TlsVersion::v1_3);
    const Passage tls_1_2 = passage(TlsVersion::v1_2);
    return {.name = has_tls_behind ? "ballast, TLS to TLS" : "ballast, TLS to plain",
            .process = start_ballast(options, server_.certificate, {tls_1_3, tls_1_2}),
            .door = door(tls_1_3.front, TlsVersion::v1_3),
            .tls_1_2_door = door(tls_1_2.front, TlsVersion::v1_2),
            .bytes_port = 0,
            .carries_data = true};
}

Target FtpsTargets::through_ballast_unread(const TargetOptions& options) const {
    const Passage passage{.back = server_.sockets.control.port(), .passes_through = true};
    Door tls_1_3 = door(passage.front, TlsVersion::v1_3);
    Door tls_1_2 = door(passage.front, TlsVersion::v1_2);
    tls_1_3.host = tls_1_2.host = 2;
    return {.name = "ballast, TLS unread",
            .process = start_ballast(options, server_.certificate, {passage}),
            .door = tls_1_3,
            .tls_1_2_door = tls_1_2,
            .bytes_port = 0,
            .carries_data = true};
}

Target FtpsTargets::through_haproxy(const TargetOptions& options) const {
    const std::uint16_t front = free_port();
    const auto listeners = fmt::format(haproxy_listeners, fmt::arg("front", front),
                                       fmt::arg("back", server_.sockets.control.port()),
                                       fmt::arg("first_port", data_ports_first + haproxy_shift),
                                       fmt::arg("last_port", data_ports_last + haproxy_shift),
                                       fmt::arg("shift", haproxy_shift));
    Door tls_1_3 = door(front, TlsVersion::v1_3);
    Door tls_1_2 = door(front, TlsVersion::v1_2);
    tls_1_3.data_port_shift = tls_1_2.data_port_shift = haproxy_shift;
    return {.name = "haproxy, TLS unread",
            .process = start_haproxy(options, listeners, front),
            .door = tls_1_3,
            .tls_1_2_door = tls_1_2,
            .bytes_port = 0,
            .carries_data = true};
}

}  // namespace ballast::bench
