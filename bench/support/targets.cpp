// SPDX-License-Identifier: Apache-2.0
#include "support/targets.h"

#include "support/balancers.h"
#include "support/rivals.h"
#include "support/splice_relay.h"

#include <string>
#include <string_view>
#include <utility>

namespace ballast::bench {

namespace {

/// `passage` needs no `back`.
Target through_ballast(std::string_view name, const TargetOptions& options, const Server& server,
                       Passage passage = {}, std::string_view settings = {}) {
    passage.back = server.sockets.control.port();
    return {.name = std::string(name),
            .role = Role::ballast,
            .process = start_ballast(options, server.certificate, {passage}, settings),
            .door = {.port = passage.front}};
}

/// What explain costs is the difference.
Target through_ballast_without_explain(const TargetOptions& options, const Server& server) {
    return through_ballast("ballast without explain", options, server, {},
                           "[admin]\nexplain_memory = \"0B\"\n");
}

Target through_relay(const TargetOptions& options, const Server& server) {
    const Host host = free_host();
    const std::uint16_t port = server.sockets.control.port();
    const auto listeners = relay_listeners(port, host);
    auto process = Child::forked(std::string(bare_relay),
                                 [&] { relay_by_splice(listeners, options.threads); });
    return {.name = std::string(bare_relay),
            .process = std::move(process),
            .door = {.port = port, .host = host},
            // Each takes six descriptors.
            .sessions_max = 2000};
}

std::string_view name_of(HaproxyForm form) {
    switch (form) {
        case HaproxyForm::as_installed: return "haproxy, as installed";
        case HaproxyForm::large_buffers: return "haproxy, 64 KiB";
        case HaproxyForm::best: break;
    }
    return "haproxy, tuned";
}

Target through_haproxy(const TargetOptions& options, const Server& server, HaproxyForm form) {
    const Host host = free_host();
    const std::uint16_t port = server.sockets.control.port();
    return {.name = std::string(name_of(form)),
            .role = Role::rival,
            .process = start_haproxy(options, form, port, host),
            .door = {.port = port, .host = host}};
}

Target through_nginx(const TargetOptions& options, const Scratch& scratch, const Server& server) {
    const Host host = free_host();
    const std::uint16_t port = server.sockets.control.port();
    return {.name = "nginx",
            .role = Role::rival,
            .process = start_nginx(options, scratch, port, host),
            .door = {.port = port, .host = host}};
}

Target through_mod_proxy(const TargetOptions& options, const Scratch& scratch,
                         const Server& server) {
    const std::uint16_t front = free_port();
    return {
        .name = "mod_proxy",
        .role = Role::rival,
        .process = start_mod_proxy(options, scratch, nullptr, server.sockets.control.port(), front),
        .door = {.port = front},
        .sessions_max = mod_proxy_sessions_max};
}

}  // namespace

Targets::Targets(const TargetOptions& options, Variants variants) : server_(options.origin) {
    all_.push_back({.name = std::string(direct), .door = {.port = server_.sockets.control.port()}});
    all_.push_back(through_relay(options, server_));
    all_.push_back(through_ballast("ballast", options, server_));
    if (options.has_beside())
        all_.push_back(through_ballast("ballast beside", options.of_beside(), server_));
    if (variants == Variants::all) {
        // Not every client can stand it.
        all_.push_back(through_ballast("ballast, tuned", options, server_, {.is_tuned = true}));
        all_.push_back(through_ballast_without_explain(options, server_));
        // A server that can be left must be asked about each file.
        all_.push_back(
            through_ballast("ballast with failover", options, server_, {.has_failover = true}));
    }
    if (options.has_haproxy())
        for (const auto form :
             {HaproxyForm::as_installed, HaproxyForm::large_buffers, HaproxyForm::best})
            all_.push_back(through_haproxy(options, server_, form));
    if (options.has_nginx()) all_.push_back(through_nginx(options, scratch_, server_));
    if (options.has_mod_proxy()) all_.push_back(through_mod_proxy(options, scratch_, server_));
}

}  // namespace ballast::bench
