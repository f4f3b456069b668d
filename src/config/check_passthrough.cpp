// SPDX-License-Identifier: Apache-2.0
#include "config/check_passthrough.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace ballast::config {

namespace {

bool passes_through(const Listener& listener) { return listener.mode == ListenerMode::passthrough; }

/// The passive ports of a server. Ballast opens the same ports.
struct Slice {
    base::PortRange ports;
    base::Ip server;
    std::string key;
};

class PassthroughCheck {
public:
    PassthroughCheck(const Config& config, Findings findings)
        : config_(config), findings_(findings) {}

    void run() {
        for (const auto& listener : config_.listeners) {
            if (passes_through(listener))
                one(listener);
            else
                without_effect(listener);
        }
        without_passthrough();
        collect_slices();
        for (std::size_t i = 0; i < slices_.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) overlap(slices_[j], slices_[i]);
            for (const auto& listener : config_.listeners) in_the_way(listener, slices_[i]);
            for (const auto& pool : config_.pools) in_the_way(pool, slices_[i]);
        }
    }

private:
    /// In TOML, a key written after the last [[pool.NAME.backend]] belongs to that backend, which
    /// may be a mistake. A pool that no listener uses may be for later.
    void without_passthrough() {
        std::vector<const Pool*> used;
        std::vector<const Pool*> passed;
        for (const auto& listener : config_.listeners) {
            if (!findings_.holds(listener.where.key + ".mode")) return;
            auto& into = passes_through(listener) ? passed : used;
            const auto pools = config_.pools_of(listener);
            into.insert(into.end(), pools.begin(), pools.end());
        }
        for (const auto& pool : config_.pools) {
            const auto is_in = [&](const auto& pools) {
                return std::ranges::find(pools, &pool) != pools.end();
            };
            if (!is_in(used) || is_in(passed)) continue;
            idle_.push_back(&pool);
            for (const auto& backend : pool.backends)
                if (backend.passive_ports)
                    findings_.warn(
                        backend.where.key + ".passive_ports",
                        "passive_ports of a backend have no effect: no passthrough listener leads "
                        "to it",
                        "move them up to the listener if clients are to be told these ports, or "
                        "remove them");
        }
    }

    void without_effect(const Listener& listener) {
        const auto& key = listener.where.key;
        if (!findings_.holds(key + ".mode")) return;
        if (listener.plain)
            findings_.add(key + ".plain", "plain has no effect while mode is \"terminate\"",
                          "add mode = \"passthrough\", or remove plain");
        if (!listener.implicit_bind.empty())
            findings_.add(key + ".implicit_bind",
                          "implicit_bind of a listener is for mode = \"passthrough\"",
                          fmt::format("put it into [{}.tls], or add mode = \"passthrough\"", key));
    }

    void one(const Listener& listener) {
        const auto& key = listener.where.key;
        if (listener.tls)
            findings_.add(
                listener.tls->where.key,
                "a passthrough listener has no TLS of its own: its backends hold the keys",
                "remove the table; implicit_bind is a key of the listener itself");
        if (!listener.plain && findings_.is_said(key + ".passive_ports") &&
            findings_.holds(key + ".plain"))
            findings_.add(key + ".passive_ports",
                          "passive_ports of a passthrough listener serve clients without TLS, and "
                          "there are none",
                          "add plain = true, or remove passive_ports: the backends have their own");
        policies(listener);
        for (const auto& route : listener.routes) users(listener, route);
        for (const auto* const pool : config_.pools_of(listener)) pool_of(listener, *pool);
    }

    /// The commands are encrypted, so rules for them have no effect.
    void policies(const Listener& listener) {
        if (listener.plain) return;
        const auto idle = [&](const char* name, bool is_set) {
            if (is_set)
                findings_.add(
                    fmt::format("{}.{}", listener.where.key, name),
                    fmt::format("{} has no effect, because the commands are encrypted", name),
                    "set it at the backends, or end TLS here with mode = \"terminate\"");
        };
        idle("allow_commands", !listener.allow_commands.empty());
        idle("deny_commands", !listener.deny_commands.empty());
        idle("allow_arguments", !listener.allow_arguments.empty());
        idle("deny_arguments", !listener.deny_arguments.empty());
        idle("read_only", listener.read_only);
        idle("anonymous", !listener.anonymous);
        idle("active_address", listener.active_address != ActiveAddress::named);
    }

    /// USER and the client's certificate are encrypted, so no route can match them.
    void users(const Listener& listener, const Route& route) {
        const auto match = route.where.key + ".match";
        if (listener.plain || !findings_.holds(match)) return;
        if (!route.match.user.empty())
            findings_.add(match + ".user", "user never matches, because the name is encrypted",
                          "use sni, host or network, or remove user");
        if (!route.match.certificate.empty())
            findings_.add(match + ".certificate",
                          "certificate never matches, because clients show theirs to the backend",
                          "use sni, host or network, or remove certificate");
    }

    void pool_of(const Listener& listener, const Pool& pool) {
        const auto& from = listener.where.key;
        if (!pool.backends_file.empty())
            findings_.add(pool.where.key + ".backends_file",
                          fmt::format("{} passes through to this pool, and backends of a "
                                      "backends_file have no passive_ports",
                                      from),
                          "write the backends into this file");
        if (!pool.backend_user.empty())
            findings_.add(
                pool.where.key + ".backend_user",
                fmt::format("{} passes through to this pool, and user names are encrypted", from),
                "remove backend_user, or end TLS here with mode = \"terminate\"");
        if (pool.failover != Failover::off && findings_.holds(pool.where.key + ".failover"))
            findings_.warn(
                pool.where.key + ".failover",
                fmt::format("sessions that {} passes through cannot move to another backend: "
                            "Ballast does not see their login",
                            from),
                "end TLS here with mode = \"terminate\", or remove failover");
        if (!listener.plain) by_user(listener, pool);
        for (const auto& backend : pool.backends) {
            const auto& key = backend.where.key;
            if (!backend.passive_ports && findings_.holds(key + ".passive_ports"))
                findings_.add(key + ".passive_ports",
                              fmt::format("passive_ports is missing, and {} passes through to this "
                                          "backend",
                                          from),
                              "add the server's own passive ports, such as passive_ports = "
                              "\"20000-20009\"");
            way_of_tls(listener, backend);
        }
    }

    /// Without user names, all clients would count as the same user.
    void by_user(const Listener& listener, const Pool& pool) {
        const auto add = [&](const char* name, const char* other) {
            findings_.add(
                fmt::format("{}.{}", pool.where.key, name),
                fmt::format("{} passes through to this pool, where user names are encrypted",
                            listener.where.key),
                fmt::format("use {}", other));
        };
        if (pool.balance->decided_by == balance::DecidedBy::user) add("balance", "\"source-hash\"");
        if (pool.stick.by == StickBy::user) add("stick.by", "\"network\"");
    }

    /// A client with implicit TLS needs a server with implicit TLS, because others greet in plain
    /// text. A client with explicit TLS needs one with explicit TLS.
    void way_of_tls(const Listener& listener, const Backend& backend) {
        const auto& from = listener.where.key;
        const auto mode_key = backend.where.key + ".tls.mode";
        if (!findings_.holds(mode_key)) return;
        const bool is_implicit = backend.tls.mode == BackendTlsMode::implicit_tls;
        if (is_implicit && !listener.bind.empty())
            findings_.add(mode_key,
                          fmt::format("the backend speaks implicit TLS, and clients of {}.bind say "
                                      "AUTH",
                                      from),
                          "use a listener with implicit_bind alone for this pool");
        if (!is_implicit && !listener.implicit_bind.empty())
            findings_.add(
                mode_key,
                fmt::format("clients of {}.implicit_bind need a backend with mode = "
                            "\"implicit\"",
                            from),
                "use a listener of its own for them, with a pool of the servers' implicit "
                "ports");
    }

    void collect_slices() {
        for (const auto& pool : config_.pools) {
            if (std::ranges::find(idle_, &pool) != idle_.end()) continue;
            for (const auto& backend : pool.backends) {
                if (!backend.passive_ports) continue;
                const auto server = base::Ip::parse(backend.host);
                if (server)
                    slices_.push_back(
                        {*backend.passive_ports, *server, backend.where.key + ".passive_ports"});
                else if (findings_.holds(backend.where.key + ".address"))
                    findings_.add(
                        backend.where.key + ".passive_ports",
                        "passive_ports belong to one server, and its address is not an IP address",
                        "write the IP address into address");
            }
        }
    }

    /// One server may be in several pools, with the same range in each.
    void overlap(const Slice& first, const Slice& second) {
        if (!first.ports.overlaps(second.ports)) return;
        if (first.server == second.server && first.ports == second.ports) return;
        findings_.add(second.key,
                      fmt::format("{} overlaps {} of {}", to_string(second.ports),
                                  to_string(first.ports), first.key),
                      first.server == second.server ? "the server is the same: use the same range"
                                                    : "give each server its own ports");
    }

    void in_the_way(const Listener& listener, const Slice& slice) {
        const auto key = listener.where.key + ".passive_ports";
        if (listener.lends_ports() && findings_.holds(key) &&
            slice.ports.overlaps(listener.passive_ports))
            findings_.add(slice.key,
                          fmt::format("{} overlaps {} of {}", to_string(slice.ports),
                                      to_string(listener.passive_ports), key),
                          "choose other passive_ports for the listener");
        for (const auto* const binds : {&listener.bind, &listener.implicit_bind})
            control_ports(listener, *binds, slice);
        if (listener.tls) control_ports(listener, listener.tls->implicit_bind, slice);
    }

    void control_ports(const Listener& listener, const std::vector<base::Address>& binds,
                       const Slice& slice) {
        for (const auto& bind : binds)
            if (slice.ports.contains(bind.port))
                findings_.add(slice.key,
                              fmt::format("{} holds the control port {} of {}",
                                          to_string(slice.ports), bind.port, listener.where.key),
                              "use a range without it");
    }

    void in_the_way(const Pool& pool, const Slice& slice) {
        if (!pool.data_ports || !slice.ports.overlaps(*pool.data_ports)) return;
        findings_.add(slice.key,
                      fmt::format("{} overlaps {} of {}.data_ports", to_string(slice.ports),
                                  to_string(*pool.data_ports), pool.where.key),
                      "use ports outside of it");
    }

    const Config& config_;
    Findings findings_;
    std::vector<const Pool*> idle_;  ///< used only by listeners without passthrough
    std::vector<Slice> slices_;
};

}  // namespace

void check_passthrough(const Config& config, Findings findings) {
    PassthroughCheck(config, findings).run();
}

std::vector<Problem> limits_of_passthrough(const Config& config) {
    std::vector<Problem> limits;
    for (const auto& listener : config.listeners) {
        if (!passes_through(listener)) continue;
        limits.push_back({listener.where,
                          "active mode (PORT, EPRT) does not work through it for clients with TLS",
                          "the backend would connect to the client itself: clients use passive "
                          "mode, EPSV at best"});
        limits.push_back({listener.where,
                          "a backend cannot tell by their addresses whose data connection it gets",
                          "all come from Ballast: have the backends require TLS session reuse, "
                          "require_ssl_reuse of vsftpd, no NoSessionReuseRequired of ProFTPD"});
        limits.push_back({listener.where,
                          "PASV works for clients with TLS only where the backends announce an "
                          "address of Ballast",
                          "pasv_address of vsftpd, MasqueradeAddress of ProFTPD, ForcePassiveIP of "
                          "Pure-FTPd, ftp.externalAddress of newer versions of Alfresco; for other "
                          "servers, PASV clients need mode = \"terminate\""});
    }
    return limits;
}

}  // namespace ballast::config
