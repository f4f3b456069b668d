// SPDX-License-Identifier: Apache-2.0
#include "support/ftps_targets.h"

#include "support/balancers.h"
#include "support/rivals.h"

#include <fmt/format.h>
#include <string>
#include <utility>

namespace ballast::bench {

FtpsTargets::FtpsTargets(const TargetOptions& options) : server_(options.origin) {
    all_.push_back(direct(true));
    add_ballast("ballast", options);
    if (options.has_beside()) add_ballast("ballast beside", options.of_beside());
    if (options.has_haproxy()) all_.push_back(through_haproxy(options));
    if (options.has_nginx()) all_.push_back(through_nginx(options));
    if (options.has_mod_proxy()) all_.push_back(through_mod_proxy(options));
    all_.push_back(direct(false));
    all_.push_back(through_plain_ballast(options));
}

void FtpsTargets::add_ballast(std::string_view name, const TargetOptions& options) {
    all_.push_back(through_ballast(name, options, false));
    all_.push_back(through_ballast(name, options, true));
    all_.push_back(through_ballast_unread(name, options));
}

Door FtpsTargets::door(std::uint16_t port, TlsVersion version) const {
    return {.port = port, .tls = (version == TlsVersion::v1_2 ? tls_1_2_ : tls_1_3_).get()};
}

Target FtpsTargets::direct(bool has_tls) const {
    const std::uint16_t port = server_.sockets.control.port();
    return {.name = std::string(has_tls ? direct_tls : "direct, plain"),
            .door = has_tls ? door(port, TlsVersion::v1_3) : Door{.port = port},
            .tls_1_2_door = has_tls ? door(port, TlsVersion::v1_2) : Door{}};
}

Target FtpsTargets::through_plain_ballast(const TargetOptions& options) const {
    const Passage passage{.back = server_.sockets.control.port()};
    return {.name = "ballast, plain to plain",
            .role = Role::ballast,
            .process = start_ballast(options, server_.certificate, {passage}),
            .door = {.port = passage.front},
            .tls_1_2_door = {}};
}

Target FtpsTargets::through_ballast(std::string_view name, const TargetOptions& options,
                                    bool has_tls_behind) const {
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
    return {.name = fmt::format("{}, TLS to {}", name, has_tls_behind ? "TLS" : "plain"),
            .role = Role::ballast,
            .process = start_ballast(options, server_.certificate, {tls_1_3, tls_1_2}),
            .door = door(tls_1_3.front, TlsVersion::v1_3),
            .tls_1_2_door = door(tls_1_2.front, TlsVersion::v1_2)};
}

Target FtpsTargets::through_ballast_unread(std::string_view name,
                                           const TargetOptions& options) const {
    const Passage passage{
        .back = server_.sockets.control.port(), .passes_through = true, .sealed_host = free_host()};
    Door tls_1_3 = door(passage.front, TlsVersion::v1_3);
    Door tls_1_2 = door(passage.front, TlsVersion::v1_2);
    tls_1_3.host = tls_1_2.host = passage.sealed_host;
    return {.name = fmt::format("{}, TLS unread", name),
            .role = Role::ballast,
            .process = start_ballast(options, server_.certificate, {passage}),
            .door = tls_1_3,
            .tls_1_2_door = tls_1_2};
}

Target FtpsTargets::unread_by(std::string_view name, Child process, Host host) const {
    Door tls_1_3 = door(server_.sockets.control.port(), TlsVersion::v1_3);
    Door tls_1_2 = door(server_.sockets.control.port(), TlsVersion::v1_2);
    tls_1_3.host = tls_1_2.host = host;
    return {.name = std::string(name),
            .role = Role::rival,
            .process = std::move(process),
            .door = tls_1_3,
            .tls_1_2_door = tls_1_2};
}

Target FtpsTargets::through_haproxy(const TargetOptions& options) const {
    const Host host = free_host();
    return unread_by(
        "haproxy, TLS unread",
        start_haproxy(options, HaproxyForm::best, server_.sockets.control.port(), host), host);
}

Target FtpsTargets::through_nginx(const TargetOptions& options) const {
    const Host host = free_host();
    return unread_by("nginx, TLS unread",
                     start_nginx(options, scratch_, server_.sockets.control.port(), host), host);
}

Target FtpsTargets::through_mod_proxy(const TargetOptions& options) const {
    const std::uint16_t front = free_port();
    return {.name = "mod_proxy, TLS to plain",
            .role = Role::rival,
            .process = start_mod_proxy(options, scratch_, &server_.certificate,
                                       server_.sockets.control.port(), front),
            .door = door(front, TlsVersion::v1_3),
            .tls_1_2_door = door(front, TlsVersion::v1_2),
            .sessions_max = mod_proxy_sessions_max};
}

}  // namespace ballast::bench
