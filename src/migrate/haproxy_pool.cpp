// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"
#include "base/ascii.h"
#include "base/number.h"
#include "migrate/haproxy_amount.h"
#include "migrate/haproxy_translation.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

constexpr std::uint64_t weight_max = 256;

class PoolMaker {
public:
    PoolMaker(Translation& it, const Proxy& proxy, Way way, std::uint16_t bind_port)
        : it_(it), proxy_(proxy), way_(way), bind_port_(bind_port) {}

    string run() {
        backends();
        if (pool_.backends.empty()) return {};
        it_.used.insert(&proxy_);
        const auto wanted = way_ == Way::implicit ? proxy_.name + "-implicit" : proxy_.name;
        pool_.name = it_.pool_names.make(wanted, "pool");
        pool_.settings.note(
            fmt::format("{}: {} {}", it_.notes.place(proxy_.line), proxy_.kind, proxy_.name));
        if (proxy_.kind == "backend")
            it_.notes.add(proxy_.line, fmt::format("{} {}", proxy_.kind, proxy_.name),
                          Outcome::mapped, fmt::format("[pool.{}]", pool_.name));
        translate_balance(it_, proxy_, pool_);
        timeouts();
        slow_start();
        queue();
        proxy_protocol();
        of_all_servers();
        tls();
        translate_stick(it_, proxy_, pool_);
        translate_checks(it_, proxy_, bind_port_, pool_);
        translate_source(it_, proxy_, servers_, pool_);
        it_.draft.pools.push_back(std::move(pool_));
        return it_.draft.pools.back().name;
    }

private:
    // How long.

    void timeouts() {
        if (const auto* const line = proxy_.last({"timeout", "connect"}))
            if (const auto time = it_.time(*line, 2))
                it_.set(pool_.settings, "connect_timeout", Value::time(*time), *line,
                        "connect_timeout");
    }

    /// The pool has one value: the longest one.
    void slow_start() {
        const Given* longest = nullptr;
        config::Duration most{};
        for (const auto& server : proxy_.servers)
            if (const auto* const given = server.parameters.find("slowstart"))
                if (const auto time = it_.time(*given); time && *time >= most) {
                    most = *time;
                    longest = given;
                    it_.notes.add(*given, Outcome::mapped, "slow_start of the pool");
                }
        if (longest != nullptr)
            pool_.settings.set("slow_start", Value::time(most), it_.origin(*longest));
    }

    void queue() {
        const bool is_bounded =
            std::ranges::any_of(pool_.backends, [](const DraftBackend& backend) {
                return backend.settings.find("max_sessions") != nullptr;
            });
        if (!is_bounded) return;
        constexpr std::uint64_t without_bound = 10'000;
        std::uint64_t length = 0;
        for (const auto& server : proxy_.servers) {
            const auto* const given = server.parameters.find("maxqueue");
            const auto number = given == nullptr ? std::nullopt : it_.number(*given, count_max);
            if (given != nullptr && number)
                it_.notes.add(*given, Outcome::approximated,
                              "queue.length: one queue for the pool, as long as all of them");
            length += number.value_or(0) == 0 ? without_bound : *number;
        }
        pool_.queue.set("length", Value::number(std::min(length, count_max)),
                        "where clients wait while every server has its maxconn");
        const auto* line = proxy_.last({"timeout", "queue"});
        const bool has_own = line != nullptr;
        if (!has_own) line = proxy_.last({"timeout", "connect"});
        if (line == nullptr) return;
        const auto time = it_.time(*line, 2);
        if (!time) return;
        if (has_own)
            it_.set(pool_.queue, "timeout", Value::time(*time), *line, "queue.timeout");
        else
            pool_.queue.set("timeout", Value::time(*time), it_.origin(*line));
    }

    // The servers.

    void backends() {
        const bool are_all_disabled = std::ranges::all_of(
            proxy_.servers, [](const Server& server) { return server.parameters.has("disabled"); });
        for (const auto& server : proxy_.servers) backend(server, are_all_disabled);
        if (std::ranges::count_if(
                proxy_.servers,
                [](const Server& server) { return server.parameters.has("backup"); }) > 1 &&
            proxy_.option("allbackups") == nullptr)
            it_.notes.add(proxy_.line, "(no option allbackups)", Outcome::approximated,
                          "when they are needed, all backends with `backup` serve, not only the "
                          "first");
    }

    void backend(const Server& server, bool keep_disabled) {
        const auto directive =
            fmt::format("{} {} {}", server.is_template ? "server-template" : "server", server.name,
                        server.text);
        const auto port = server.port_for(bind_port_);
        if (server.host.empty() || !port)
            return it_.notes.add(server.line, directive, Outcome::unsupported,
                                 server.host.empty() ? "Ballast reaches backends over TCP only"
                                                     : "there is no such port");
        if (const auto* const reason = server.parameters.find("disabled")) {
            it_.notes.add(*reason, Outcome::approximated,
                          keep_disabled
                              ? "all servers are like this, so it was kept: `ballast drain` or "
                                "`ballast disable` it"
                              : "the backend is left out");
            if (!keep_disabled)
                return it_.notes.add(
                    server.line, directive, Outcome::approximated,
                    "left out, because it gets no new clients: add it as a backend, "
                    "and `ballast drain` or `ballast disable` it if it must wait");
        }
        DraftBackend made;
        made.name = names_.make(server.name, "backend");
        made.settings.note(it_.notes.place(server.line) + ": " + directive);
        const bool is_srv = server.is_template && server.host.starts_with('_');
        if (is_srv)
            made.settings.set("srv", Value::text(server.host));
        else
            made.settings.set("address", Value::text(address(server, *port)));
        it_.notes.add(
            server.line, directive, server.is_template ? Outcome::approximated : Outcome::mapped,
            server.is_template ? "a backend for every address that the name has, without a bound"
                               : fmt::format("the backend {}", made.name));
        weight(server, made);
        max_sessions(server, made);
        if (const auto* const given = server.parameters.find("backup"))
            it_.set(made.settings, "backup", Value::flag(true), *given, "backup");
        for (const auto& given : server.parameters.all()) it_.notes.add(given);
        pool_.backends.push_back(std::move(made));
        servers_.push_back(&server);
    }

    static string address(const Server& server, std::uint16_t port) {
        const auto ip = base::Ip::parse(server.host);
        return ip ? base::to_string(base::Address{*ip, port})
                  : fmt::format("{}:{}", server.host, port);
    }

    void max_sessions(const Server& server, DraftBackend& made) {
        const auto* const given = server.parameters.find("maxconn");
        const auto number = given == nullptr ? std::nullopt : it_.number(*given, count_max);
        if (!number) return;
        if (*number == 0) return it_.notes.add(*given, Outcome::not_needed, "0 means no bound");
        const auto is_range = [](const BindAddress& address) { return address.is_range(); };
        const bool has_data = std::ranges::any_of(proxy_.binds, [&](const Bind& bind) {
            return std::ranges::any_of(bind.addresses, is_range);
        });
        it_.set(made.settings, "max_sessions", Value::number(*number), *given,
                has_data ? "max_sessions; HAProxy counted data connections, too" : "max_sessions",
                has_data ? Outcome::approximated : Outcome::mapped);
    }

    void weight(const Server& server, DraftBackend& made) {
        const auto* const given = server.parameters.find("weight");
        if (given == nullptr) return;
        const auto number = it_.number(*given, weight_max);
        if (number)
            it_.set(made.settings, "weight", Value::number(*number), *given,
                    *number > 0 ? "weight"
                                : "weight = 0: no new sessions, except from clients that stick");
    }

    // What Ballast sets for all of them.

    void proxy_protocol() {
        constexpr auto versions = std::to_array<std::pair<string_view, string_view>>({
            {"send-proxy", "v1"},
            {"send-proxy-v2", "v2"},
            {"send-proxy-v2-ssl", "v2"},
            {"send-proxy-v2-ssl-cn", "v2"},
        });
        for (const auto* const server : servers_)
            for (const auto& [name, version] : versions) {
                const auto* const given = server->parameters.find(name);
                if (given == nullptr) continue;
                const auto* const set = pool_.settings.find("send_proxy");
                const bool is_same =
                    set == nullptr || set->value.toml() == Value::text(version).toml();
                if (set == nullptr)
                    it_.set(pool_.settings, "send_proxy", Value::text(version), *given,
                            fmt::format("send_proxy = \"{}\"", version));
                else
                    it_.notes.add(*given, is_same ? Outcome::mapped : Outcome::approximated,
                                  "send_proxy is the same for all backends of a pool");
            }
        const auto* const set = pool_.settings.find("send_proxy");
        const auto sends = [](const Server* server) {
            return std::ranges::any_of(server->parameters.all(), [](const Given& given) {
                return given.name.starts_with("send-proxy");
            });
        };
        if (set != nullptr && !std::ranges::all_of(servers_, sends))
            it_.notes.add(proxy_.line, "(servers without send-proxy)", Outcome::unsupported,
                          "send_proxy is the same for all backends of a pool: make two pools");
    }

    void of_all_servers() {
        for (const auto* const server : servers_) {
            if (const auto* const given = server->parameters.find("tcp-ut"))
                if (const auto time = it_.time(*given))
                    it_.set(pool_.settings, "tcp_user_timeout", Value::time(*time), *given,
                            "tcp_user_timeout of the pool");
            if (const auto* const given = server->parameters.find("resolvers")) resolvers(*given);
        }
    }

    void resolvers(const Given& given) {
        const auto found = std::ranges::find_if(it_.file.sections, [&](const Section& section) {
            return section.kind == "resolvers" && section.name == given.value();
        });
        it_.notes.add(given, Outcome::approximated,
                      "names are looked up by the system's resolver, every resolve_interval; every "
                      "address is a backend");
        if (found == it_.file.sections.end()) return;
        it_.notes.add(found->line, "resolvers " + found->name, Outcome::approximated,
                      "Ballast asks the name servers of /etc/resolv.conf");
        for (const auto& line : found->lines) {
            if (begins_with(line, {"hold", "valid"}))
                if (const auto time = it_.time(line, 2)) {
                    it_.set(pool_.settings, "resolve_interval", Value::time(*time), line,
                            "resolve_interval");
                    continue;
                }
            const bool is_server = line.words.front() == "nameserver";
            it_.notes.add(line, is_server ? Outcome::approximated : Outcome::not_needed,
                          is_server ? "Ballast asks the name servers of /etc/resolv.conf"
                                    : "the system's resolver has settings of its own");
        }
    }

    void tls() {
        std::vector<Settings> each;
        each.reserve(servers_.size());
        for (const auto* const server : servers_) each.push_back(tls_of(it_, *server));
        const auto is_same = [&](const Settings& one) {
            return text_of(one) == text_of(each.front());
        };
        if (std::ranges::all_of(each, is_same)) {
            pool_.tls = each.front();
        } else {
            for (std::size_t i = 0; i < each.size(); ++i) {
                pool_.backends[i].tls = each[i];
                if (each[i].empty()) pool_.backends[i].tls.set("mode", Value::text("off"));
            }
        }
        if (way_ == Way::implicit && pool_.tls.empty()) {
            pool_.tls.set("mode", Value::text("implicit"),
                          "clients' TLS begins with the first byte, and so does the servers'");
            pool_.tls.set("verify", Value::text("none"), "HAProxy passed TLS on without looking");
        }
    }

    static string text_of(const Settings& settings) {
        string text;
        for (const auto& [key, value, why] : settings.all()) text += key + '=' + value.toml() + ' ';
        return text;
    }

    Translation& it_;
    const Proxy& proxy_;
    Way way_;
    std::uint16_t bind_port_;
    DraftPool pool_;
    std::vector<const Server*> servers_;  // of the backends, in their order
    Names names_;
};

}  // namespace

namespace {

/// Pools differ by the client's port only if a server does.
auto key_of(const Proxy& proxy, Way way, std::uint16_t bind_port) {
    const bool depends = std::ranges::any_of(
        proxy.servers, [](const Server& server) { return server.port_kind != PortKind::fixed; });
    return std::make_tuple(&proxy, way, depends ? bind_port : std::uint16_t{0});
}

}  // namespace

string pool_for(Translation& it, const Proxy& proxy, Way way, std::uint16_t bind_port) {
    const auto key = key_of(proxy, way, bind_port);
    const auto known = it.pools.find(key);
    if (known != it.pools.end()) return known->second;
    return it.pools[key] = PoolMaker(it, proxy, way, bind_port).run();
}

DraftPool* made_pool(Translation& it, const Proxy& proxy, Way way, std::uint16_t bind_port) {
    const auto known = it.pools.find(key_of(proxy, way, bind_port));
    return known == it.pools.end() ? nullptr : it.draft.find_pool(known->second);
}

}  // namespace ballast::migrate::haproxy
