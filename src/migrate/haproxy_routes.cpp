// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_rules.h"
#include "migrate/haproxy_translation.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

/// Where sessions go: the `use_backend` rules of a frontend or listen, in the order of the file.
class Routes {
public:
    Routes(Translation& it, const Service& service, DraftListener& listener, Way way,
           std::uint16_t bind_port, bool sees_names)
        : it_(it),
          service_(service),
          proxy_(*service.entry),
          listener_(listener),
          way_(way),
          bind_port_(bind_port),
          sees_names_(sees_names) {}

    void run() {
        for (const auto& [line, is_inherited] : proxy_.directives)
            if (line->words.front() == "use_backend") use_backend(*line);
    }

private:
    void use_backend(const Line& line) {
        const auto* const target = it_.proxies.find_backend(line.word(1));
        if (line.word(1).contains('%'))
            return it_.notes.add(line, Outcome::unsupported, "a route names its pool");
        if (target == nullptr || target->is_web())
            return it_.notes.add(line, Outcome::unsupported, "there is no such backend for FTP");
        const auto condition = at_these_ports(condition_of(line, 2, proxy_));
        if (condition.empty())
            return it_.notes.add(
                line, Outcome::not_needed,
                "it is not for control connections, which data connections follow");
        if (is_led_)
            return it_.notes.add(line, Outcome::not_needed, "a rule before it leads everybody");
        if (is_always(condition)) return always(line, *target);
        if (const auto* const test = only_test(condition); test != nullptr && is_fallback(*test))
            return fallback(line, *target);
        std::vector<DraftRoute> routes;
        for (const auto& all : condition) {
            auto route = route_for(line, all);
            if (!route) return;
            routes.push_back(std::move(*route));
        }
        const auto pool = pool_for(it_, *target, way_, bind_port_);
        if (pool.empty())
            return it_.notes.add(line, Outcome::unsupported,
                                 "the backend has no server for Ballast");
        for (auto& route : routes) {
            route.settings.note(it_.origin(line));
            route.settings.set("pool", Value::text(pool));
            listener_.routes.push_back(std::move(route));
        }
        it_.notes.add(line, Outcome::mapped, fmt::format("a route to the pool {}", pool));
    }

    /// The only pool there is, unless an earlier rule led elsewhere.
    void always(const Line& line, const Proxy& target) {
        const auto pool = pool_for(it_, target, way_, bind_port_);
        if (pool.empty())
            return it_.notes.add(line, Outcome::unsupported,
                                 "the backend has no server for Ballast");
        listener_.settings.set("pool", Value::text(pool), it_.origin(line));
        it_.notes.add(line, Outcome::mapped, fmt::format("pool = \"{}\"", pool));
        is_led_ = true;
    }

    /// Without questions about the port, if the listener's ports answer them. Other ports are of
    /// data connections.
    [[nodiscard]] Condition at_these_ports(Condition condition) const {
        std::vector<std::uint16_t> ports;
        for (const auto& bind : proxy_.binds)
            for (const auto& address : bind.addresses)
                if (address.is_socket && !address.is_range() &&
                    (bind_port_ == 0 || bind_port_ == address.ports.first))
                    ports.push_back(address.ports.first);
        const auto holds = [](const Test& test, std::uint16_t port) {
            const auto has_it = [port](const auto& range) { return range.contains(port); };
            return test.is_negated != std::ranges::any_of(test.ports, has_it);
        };
        const auto is_false = [&](const Test& test) {
            return test.question == Question::port &&
                   std::ranges::none_of(ports, [&](auto port) { return holds(test, port); });
        };
        const auto is_true = [&](const Test& test) {
            return test.question == Question::port &&
                   std::ranges::all_of(ports, [&](auto port) { return holds(test, port); });
        };
        std::erase_if(condition,
                      [&](const Conjunction& all) { return std::ranges::any_of(all, is_false); });
        for (auto& all : condition) std::erase_if(all, is_true);
        return condition;
    }

    std::optional<DraftRoute> route_for(const Line& line, const Conjunction& all) {
        DraftRoute route;
        for (const auto& test : all) {
            const bool is_network = test.question == Question::network;
            const bool is_name = test.question == Question::server_name;
            if ((!is_network && !is_name) || test.is_negated) {
                it_.notes.add(line, Outcome::unsupported,
                              "routes go by the client's network, its name in TLS (SNI), its user "
                              "and the name that it says with HOST");
                return std::nullopt;
            }
            if (is_name && !sees_names_) {
                it_.notes.add(line, Outcome::unsupported,
                              "SNI needs TLS at this listener: give a certificate");
                return std::nullopt;
            }
            const string_view key = is_network ? "network" : "sni";
            if (route.match.find(key) != nullptr) {
                it_.notes.add(line, Outcome::unsupported, "a route matches one list of each kind");
                return std::nullopt;
            }
            route.match.set(key, Value::texts(test.values));
        }
        return route;
    }

    [[nodiscard]] bool is_fallback(const Test& test) const {
        return test.question == Question::dead_pool && !test.is_negated &&
               service_.servers != nullptr && test.values.front() == service_.servers->name;
    }

    /// `use_backend spare if { nbsrv(main) lt 1 }`
    void fallback(const Line& line, const Proxy& target) {
        const auto main = pool_for(it_, *service_.servers, way_, bind_port_);
        const auto spare = pool_for(it_, target, way_, bind_port_);
        auto* const pool = it_.draft.find_pool(main);
        if (pool == nullptr || spare.empty() || main == spare)
            return it_.notes.add(line, Outcome::unsupported,
                                 "the backend has no server for Ballast");
        it_.set(pool->settings, "fallback", Value::text(spare), line,
                fmt::format("fallback of the pool {}", main));
    }

    Translation& it_;
    const Service& service_;
    const Proxy& proxy_;
    DraftListener& listener_;
    Way way_;
    std::uint16_t bind_port_;
    bool sees_names_;
    bool is_led_ = false;  // later rules lead nobody
};

}  // namespace

void translate_routes(Translation& it, const Service& service, DraftListener& listener, Way way,
                      std::uint16_t bind_port, bool sees_names) {
    Routes(it, service, listener, way, bind_port, sees_names).run();
}

}  // namespace ballast::migrate::haproxy
