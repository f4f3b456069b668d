// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"
#include "base/ascii.h"
#include "migrate/contains.h"
#include "migrate/haproxy_passive.h"
#include "migrate/haproxy_translation.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;
using namespace std::chrono_literals;

struct ControlAddress {
    const Bind* bind;
    const BindAddress* address;
};

/// Addresses that become one listener with one pool: the same port of the servers, the same TLS,
/// and headers of the PROXY protocol or none.
struct Group {
    Way way = Way::plain;
    std::uint16_t port = 0;
    bool has_headers = false;
    std::vector<ControlAddress> addresses;

    [[nodiscard]] bool has_ssl() const {
        return std::ranges::any_of(
            addresses, [](const ControlAddress& each) { return each.bind->parameters.has("ssl"); });
    }
};

constexpr std::uint16_t implicit_port = 990;

class ListenerMaker {
public:
    /// `is_only`: whether the service has one listener.
    ListenerMaker(Translation& it, const Service& service, Group group, bool is_only)
        : it_(it),
          service_(service),
          entry_(*service.entry),
          group_(std::move(group)),
          is_only_(is_only),
          passive_(passive_of(it, service)) {}

    void run() {
        is_passed_through_ =
            !group_.has_ssl() && it_.source.certificate.empty() && !passive_.slices.empty();
        if (group_.way == Way::implicit && !is_passed_through_ && it_.source.certificate.empty())
            return refuse();
        it_.used.insert(&entry_);
        const auto wanted = group_.way == Way::implicit ? entry_.name + "-implicit" : entry_.name;
        made_.name = it_.listener_names.make(wanted, "ftp");
        made_.settings.note(
            fmt::format("{}: {} {}", it_.notes.place(entry_.line), entry_.kind, entry_.name));
        it_.notes.add(entry_.line, fmt::format("{} {}", entry_.kind, entry_.name), Outcome::mapped,
                      fmt::format("[listener.{}]", made_.name));
        addresses();
        if (is_empty_) return;
        pool();
        tls();
        ports();
        for (const auto& [bind, address] : group_.addresses) parameters(*bind);
        limits();
        translate_timeouts(it_, service_, made_);
        translate_access(it_, entry_, made_);
        translate_routes(it_, service_, made_, group_.way, group_.port,
                         is_passed_through_ || !made_.tls.empty());
        if (is_passed_through_) slices();
        if (is_ended_here_) backends_tls();
        it_.draft.listeners.push_back(std::move(made_));
    }

private:
    void refuse() {
        for (const auto& [bind, address] : group_.addresses)
            it_.notes.add(
                bind->line, "bind " + bind->text, Outcome::unsupported,
                "clients of this port speak TLS from the first byte, which HAProxy passed "
                "on unread: import with --certificate, or give each server a range of "
                "ports of its own");
        it_.refused.insert(&entry_);
    }

    // Where clients connect.

    void addresses() {
        std::vector<string> plain;
        std::vector<string> implicit;
        string origin;
        for (const auto& [bind, address] : group_.addresses) {
            const bool is_implicit = group_.way == Way::implicit || bind->parameters.has("ssl");
            auto& into = is_implicit ? implicit : plain;
            for (auto& text : texts_of(*bind, *address))
                if (!contains(into, text)) into.push_back(std::move(text));
            const auto place = fmt::format("{}: bind {}", it_.notes.place(bind->line), bind->text);
            if (!origin.contains(place)) origin += (origin.empty() ? "" : "; ") + place;
            it_.notes.add(bind->line, "bind " + bind->text, Outcome::mapped,
                          is_implicit ? "implicit_bind" : "bind");
        }
        is_empty_ = plain.empty() && implicit.empty();
        if (!plain.empty())
            made_.settings.set("bind", Value::texts(plain), std::exchange(origin, {}));
        if (implicit.empty()) return;
        auto& settings = is_passed_through_ ? made_.settings : made_.tls;
        settings.set("implicit_bind", Value::texts(implicit), origin);
    }

    std::vector<string> texts_of(const Bind& bind, const BindAddress& address) {
        const auto port = address.ports.first;
        if (address.host.empty()) return {fmt::format("0.0.0.0:{}", port)};
        const auto ip = base::Ip::parse(address.host);
        if (!ip) {
            it_.notes.add(bind.line, "bind " + bind.text, Outcome::unsupported,
                          "a listener needs addresses: write the one that the name has");
            return {};
        }
        std::vector<string> texts{base::to_string(base::Address{*ip, port})};
        // On Linux such a socket takes clients over IPv4, too.
        const bool is_any = *ip == base::Ip::any(base::Family::ipv6);
        if (is_any && !bind.parameters.has("v6only") && !has_any_v4(port))
            texts.push_back(fmt::format("0.0.0.0:{}", port));
        return texts;
    }

    [[nodiscard]] bool has_any_v4(std::uint16_t port) const {
        const auto is_it = [&](const BindAddress& address) {
            return address.host.empty() && address.ports.contains(port);
        };
        return std::ranges::any_of(it_.proxies.all, [&](const Proxy& proxy) {
            return std::ranges::any_of(proxy.binds, [&](const Bind& bind) {
                return std::ranges::any_of(bind.addresses, is_it);
            });
        });
    }

    void pool() {
        if (is_passed_through_) {
            made_.settings.set(
                "mode", Value::text("passthrough"),
                "HAProxy passes TLS to the servers unread, and each has its own ports");
            if (group_.way == Way::plain)
                made_.settings.set("plain", Value::flag(true), "for clients without TLS");
            it_.notes.add(entry_.line, fmt::format("{} {}", entry_.kind, entry_.name),
                          Outcome::mapped, fmt::format("[listener.{}]", made_.name));
        }
        if (service_.servers == nullptr) return;
        const auto name = pool_for(it_, *service_.servers, group_.way, group_.port);
        if (name.empty()) return;
        made_.settings.set("pool", Value::text(name));
        if (const auto* const line = entry_.last({"default_backend"}))
            it_.notes.add(*line, Outcome::mapped, fmt::format("pool = \"{}\"", name));
    }

    // TLS.

    void tls() {
        if (is_passed_through_) return passed_through();
        if (group_.has_ssl()) {
            std::vector<const Bind*> binds;
            for (const auto& each : group_.addresses)
                if (!contains(binds, each.bind)) binds.push_back(each.bind);
            return translate_bind_tls(it_, entry_, binds, made_);
        }
        if (it_.source.certificate.empty()) {
            it_.notes.add(entry_.line, "(TLS)", Outcome::approximated,
                          "HAProxy passed AUTH TLS to the servers unread. Without a certificate "
                          "Ballast refuses it: import with --certificate, or add "
                          "[listener.NAME.tls]");
            return;
        }
        made_.tls.set("certificate", Value::texts({it_.source.certificate}), "--certificate");
        it_.notes.add(entry_.line, "(TLS)", Outcome::approximated,
                      "TLS ends at Ballast, which speaks TLS with the servers for clients that use "
                      "it. Servers without TLS need mode = \"off\" in [pool.NAME.tls], or they "
                      "count as down");
        is_ended_here_ = true;
    }

    void passed_through() {
        it_.notes.add(entry_.line, "(TLS)", Outcome::mapped,
                      "mode = \"passthrough\": TLS ends at the servers. Active mode cannot work "
                      "under TLS, and PASV only if the servers announce Ballast's address: "
                      "--certificate ends TLS here, and then all modes work");
    }

    /// The servers spoke TLS with clients themselves, and go on to do so with Ballast.
    void backends_tls() {
        for (const auto* const target : targets_of(entry_, it_.proxies)) {
            auto* const pool = made_pool(it_, *target, group_.way, group_.port);
            if (pool == nullptr) continue;
            if (pool->tls.find("mode") == nullptr)
                pool->tls.set(
                    "mode", Value::text("as-client"),
                    "the servers get TLS from clients that use it. Servers without TLS need "
                    "\"off\", or they count as down");
            pool->tls.set("verify", Value::text("none"),
                          "HAProxy checked no certificates. Better: ca = \"FILE\", and verify = "
                          "\"full\"");
        }
        it_.notes.add(entry_.line, "(certificates of the servers)", Outcome::approximated,
                      "clients could verify them, and now see Ballast's only: set ca and verify "
                      "in [pool.NAME.tls], or anybody in between can pose as a server");
    }

    // Data connections.

    void ports() {
        if (group_.way == Way::implicit && is_passed_through_) return;  // only the servers' slices
        const auto ports = is_passed_through_ ? passive_.for_plain : passive_.ports;
        made_.settings.set(
            "passive_ports", Value::text(base::to_string(ports)),
            is_passed_through_
                ? "for clients without TLS; the ports of HAProxy are the servers' (passive_ports)"
            : service_.ranges.empty() ? "HAProxy had no ports for passive data connections"
                                      : "the ports that HAProxy forwarded");
        if (is_passed_through_)
            it_.notes.add(entry_.line, "(data connections without TLS)", Outcome::approximated,
                          fmt::format("they need ports of their own, which firewalls must let "
                                      "through: passive_ports = \"{}\"",
                                      base::to_string(ports)));
        else if (service_.ranges.empty())
            it_.notes.add(entry_.line, "(data connections)", Outcome::approximated,
                          fmt::format("the file forwards no ports for them: clients get {}",
                                      base::to_string(ports)));
        ranges(ports);
    }

    void ranges(base::PortRange ports) {
        for (const auto& range : service_.ranges) {
            const auto directive = "bind " + range.bind->text;
            const bool is_inside =
                ports.contains(range.ports.first) && ports.contains(range.ports.last);
            if (is_passed_through_)
                it_.notes.add(range.bind->line, directive, Outcome::mapped,
                              "passive_ports of the backend");
            else
                it_.notes.add(range.bind->line, directive,
                              is_inside ? Outcome::mapped : Outcome::approximated,
                              is_inside ? "passive_ports of the listener"
                                        : "not used: a listener has one range, and the largest one "
                                          "was taken");
        }
    }

    /// Each server's own ports, for clients whose TLS it ends.
    void slices() {
        for (const auto* const target : targets_of(entry_, it_.proxies)) {
            auto* const pool = made_pool(it_, *target, group_.way, group_.port);
            if (pool == nullptr) continue;
            for (auto& backend : pool->backends)
                for (const auto& [host, slice] : passive_.slices)
                    if (is_at(backend, host))
                        backend.settings.set("passive_ports", Value::text(base::to_string(slice)),
                                             "the server's own ports, as in its settings");
        }
    }

    static bool is_at(const DraftBackend& backend, const string& host) {
        const auto* const address = backend.settings.find("address");
        const auto ip = base::Ip::parse(host);
        if (address == nullptr || !ip) return false;
        const auto text = base::trimmed(address->value.toml(), "\"");
        const auto parsed = base::Address::parse(text);
        return parsed && parsed->ip == *ip;
    }

    // The rest.

    void parameters(const Bind& bind) {
        const auto& parameters = bind.parameters;
        if (const auto* const given = parameters.find("accept-proxy")) {
            it_.set(made_.settings, "proxy_from", Value::texts({"0.0.0.0/0", "::/0"}), *given,
                    "proxy_from: every client must send a header; name the proxies alone",
                    Outcome::approximated);
            const bool has_data = std::ranges::any_of(service_.ranges, [](const DataRange& range) {
                return range.bind->parameters.has("accept-proxy");
            });
            if (has_data)
                made_.settings.set("proxy_data", Value::flag(true),
                                   "data connections have one, too");
        }
        if (const auto* const given = parameters.find("transparent"))
            it_.set(made_.settings, "free_bind", Value::flag(true), *given,
                    "free_bind: addresses that this machine does not have yet",
                    Outcome::approximated);
        for (const string_view name : {"v4v6", "v6only"})
            if (const auto* const given = parameters.find(name))
                it_.notes.add(*given, Outcome::mapped, "each family has an address of its own");
        if (const auto* const given = parameters.find("maxconn"))
            if (const auto number = it_.number(*given, count_max); number && *number > 0)
                it_.set_bound(made_.settings, "max_sessions", *number, *given,
                              "max_sessions: further clients are answered with 421",
                              Outcome::approximated);
        for (const auto& given : parameters.all()) it_.notes.add(given);
        for (const auto& range : service_.ranges)
            for (const auto& given : range.bind->parameters.all())
                if (range.bind->line != bind.line)
                    it_.notes.add(given, Outcome::not_needed, "the listener's settings apply");
    }

    void limits() {
        const auto* const line = entry_.last({"maxconn"});
        if (line == nullptr) return;
        if (const auto number = it_.number(*line, 1, count_max); number && *number > 0)
            it_.set_bound(made_.settings, "max_sessions", *number, *line,
                          is_only_ ? "max_sessions: further clients are answered with 421 instead "
                                     "of being left waiting"
                                   : "max_sessions of each listener: divide the number among them",
                          is_only_ ? Outcome::approximated : Outcome::unsupported);
    }

    Translation& it_;
    const Service& service_;
    const Proxy& entry_;
    Group group_;
    bool is_only_;
    Passive passive_;
    DraftListener made_;
    bool is_passed_through_ = false;
    bool is_ended_here_ = false;  // TLS that the servers ended before
    bool is_empty_ = false;
};

/// Whether the clients of this address begin with TLS that HAProxy does not end.
bool is_opaque(const Translation& it, const Service& service, const Bind& bind,
               const BindAddress& address) {
    if (bind.parameters.has("ssl")) return false;
    if (address.ports.first == implicit_port) return true;
    const auto targets = targets_of(*service.entry, it.proxies);
    const auto is_implicit = [](const Server& server) {
        return server.port_kind == PortKind::fixed && server.port == implicit_port &&
               !server.parameters.has("ssl");
    };
    return !targets.empty() && std::ranges::all_of(targets, [&](const Proxy* target) {
        return !target->servers.empty() && std::ranges::all_of(target->servers, is_implicit);
    });
}

}  // namespace

void translate_service(Translation& it, const Service& service) {
    const auto targets = targets_of(*service.entry, it.proxies);
    const bool depends = std::ranges::any_of(targets, [](const Proxy* target) {
        return std::ranges::any_of(target->servers, [](const Server& server) {
            return server.port_kind != PortKind::fixed;
        });
    });
    std::vector<Group> groups;
    for (const auto& bind : service.entry->binds)
        for (const auto& address : bind.addresses) {
            if (!address.is_socket) {
                it.notes.add(bind.line, "bind " + bind.text, Outcome::unsupported,
                             "Ballast serves clients over TCP only");
                continue;
            }
            if (address.is_range()) continue;
            const auto way = is_opaque(it, service, bind, address) ? Way::implicit : Way::plain;
            const auto port = depends ? address.ports.first : std::uint16_t{0};
            const bool has_headers = bind.parameters.has("accept-proxy");
            auto group = std::ranges::find_if(groups, [&](const Group& known) {
                return known.way == way && known.port == port && known.has_headers == has_headers;
            });
            if (group == groups.end())
                group = groups.insert(group, Group{way, port, has_headers, {}});
            group->addresses.push_back({&bind, &address});
        }
    for (auto& group : groups)
        ListenerMaker(it, service, std::move(group), groups.size() == 1).run();
}

}  // namespace ballast::migrate::haproxy
