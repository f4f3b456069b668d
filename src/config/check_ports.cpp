// SPDX-License-Identifier: Apache-2.0
#include "config/check_ports.h"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::config {

namespace {

class PortsCheck {
public:
    PortsCheck(const Config& config, Findings findings) : config_(config), findings_(findings) {}

    void run() {
        binds();
        port_ranges();
    }

private:
    void binds() {
        std::map<base::Address, std::string> first_key;
        const auto look = [&](const std::vector<Control>& controls) {
            for (const auto& [address, key] : controls) {
                if (address.port == 0) continue;  // the system chooses a new one each time
                const auto [first, is_new] = first_key.emplace(address, key);
                if (!is_new)
                    findings_.add(key,
                                  fmt::format("{} is bound twice, also by {}", to_string(address),
                                              first->second),
                                  "use another address or port, or remove one");
            }
        };
        for (const auto& listener : config_.listeners) look(controls(listener));
        look(of_operators());
    }

    /// An address for control connections or operators, and where the file says it.
    struct Control {
        base::Address address;
        std::string key;
    };

    void add(const std::string& key, const std::vector<base::Address>& addresses,
             std::vector<Control>& to) const {
        if (!findings_.holds(key)) return;
        for (std::size_t i = 0; i < addresses.size(); ++i)
            to.push_back({addresses[i], fmt::format("{}[{}]", key, i)});
    }

    [[nodiscard]] std::vector<Control> controls(const Listener& listener) const {
        std::vector<Control> result;
        add(listener.where.key + ".bind", listener.bind, result);
        add(listener.where.key + ".implicit_bind", listener.implicit_bind, result);
        if (listener.tls)
            add(listener.tls->where.key + ".implicit_bind", listener.tls->implicit_bind, result);
        return result;
    }

    [[nodiscard]] std::vector<Control> of_operators() const {
        std::vector<Control> result;
        add("admin.bind", config_.admin.bind, result);
        return result;
    }

    void port_ranges() {
        for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
            const auto& listener = config_.listeners[i];
            const auto key = listener.where.key + ".passive_ports";
            if (!listener.lends_ports() || !findings_.holds(key)) continue;
            one_port(key, listener.passive_ports, "client address", "20000-20099");
            for (std::size_t j = 0; j < i; ++j) overlap(config_.listeners[j], listener);
            for (const auto& other : config_.listeners)
                control_port_inside(listener, controls(other), "control");
            control_port_inside(listener, of_operators(), "operators'");
        }
        for (std::size_t i = 0; i < config_.pools.size(); ++i) {
            const auto& pool = config_.pools[i];
            if (!pool.data_ports) continue;
            one_port(pool.where.key + ".data_ports", *pool.data_ports, "backend", "30000-30099");
            for (std::size_t j = 0; j < i; ++j) overlap(config_.pools[j], pool);
            for (const auto& listener : config_.listeners) in_the_way(listener, pool);
            in_the_way(of_operators(), "operators'", pool);
        }
    }

    /// A port serves each remote address only once at a time.
    void one_port(const std::string& key, const base::PortRange& ports, const char* user,
                  const char* example) {
        if (ports.size() > 1) return;
        findings_.warn(
            key,
            fmt::format("{} is one port, which one {} can use for one transfer at a time",
                        ports.first, user),
            fmt::format("use a range, such as \"{}\"", example));
    }

    void overlap(const Listener& first, const Listener& second) {
        const auto first_key = first.where.key + ".passive_ports";
        const auto& a = first.passive_ports;
        const auto& b = second.passive_ports;
        if (!first.lends_ports() || !findings_.holds(first_key) || a == b || !a.overlaps(b)) return;
        findings_.add(
            second.where.key + ".passive_ports",
            fmt::format("{} overlaps {} of {} in part", to_string(b), to_string(a), first_key),
            fmt::format("use \"{}\" as well, or ports outside of it", to_string(a)));
    }

    /// Passive ports are opened on the address that the client connected to. So a control port
    /// conflicts with them only if both listeners can have the same address.
    void control_port_inside(const Listener& listener, const std::vector<Control>& others,
                             std::string_view kind) {
        const auto may_meet = [](const base::Ip& a, const base::Ip& b) {
            return a == b || (a.family() == b.family() && (a.is_any() || b.is_any()));
        };
        for (const auto& [control, key] : others) {
            if (!listener.passive_ports.contains(control.port)) continue;
            const auto meets = [&](const Control& own) {
                return may_meet(own.address.ip, control.ip);
            };
            if (std::ranges::none_of(controls(listener), meets)) continue;
            findings_.add(listener.where.key + ".passive_ports",
                          fmt::format("{} holds the {} port {} of {}",
                                      to_string(listener.passive_ports), kind, control.port, key),
                          "use a range without it");
        }
    }

    /// Identical ranges share their ports. Ranges that overlap in part would be opened twice.
    void overlap(const Pool& first, const Pool& second) {
        if (!first.data_ports || first.data_ports == second.data_ports ||
            !first.data_ports->overlaps(*second.data_ports))
            return;
        findings_.add(
            second.where.key + ".data_ports",
            fmt::format("{} overlaps {} of {}.data_ports in part", to_string(*second.data_ports),
                        to_string(*first.data_ports), first.where.key),
            fmt::format("use \"{}\" as well, or ports outside of it",
                        to_string(*first.data_ports)));
    }

    /// The address of this machine that a backend sees is known only at run time, so a listener's
    /// addresses do not count here.
    void in_the_way(const Listener& listener, const Pool& pool) {
        const auto key = pool.where.key + ".data_ports";
        const auto passive_key = listener.where.key + ".passive_ports";
        const auto& ports = *pool.data_ports;
        if (listener.lends_ports() && findings_.holds(passive_key) &&
            ports.overlaps(listener.passive_ports))
            findings_.add(key,
                          fmt::format("{} overlaps {} of {}", to_string(ports),
                                      to_string(listener.passive_ports), passive_key),
                          "use ports outside of it");
        in_the_way(controls(listener), "control", pool);
    }

    void in_the_way(const std::vector<Control>& controls, std::string_view kind, const Pool& pool) {
        for (const auto& [address, control_key] : controls)
            if (pool.data_ports->contains(address.port))
                findings_.add(
                    pool.where.key + ".data_ports",
                    fmt::format("{} holds the {} port {} of {}", to_string(*pool.data_ports), kind,
                                address.port, control_key),
                    "use a range without it");
    }

    const Config& config_;
    Findings findings_;
};

}  // namespace

void check_ports(const Config& config, Findings findings) { PortsCheck(config, findings).run(); }

}  // namespace ballast::config
