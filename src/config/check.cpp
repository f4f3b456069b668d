// SPDX-License-Identifier: Apache-2.0
#include "config/check.h"

#include "config/amount.h"
#include "config/check_tls.h"
#include "config/destination.h"
#include "config/spelling.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace ballast::config {

namespace {

class Check {
public:
    Check(const Config& config, const Places& places, std::vector<Problem>& problems)
        : config_(config), places_(places), problems_(problems) {}

    void run() {
        sections();
        binds();
        for (const auto& listener : config_.listeners) one(listener);
        port_ranges();
        for (const auto& pool : config_.pools) one(pool);
    }

private:
    void report(const std::string& key, std::string what, std::string fix) {
        problems_.push_back({places_.of(key), std::move(what), std::move(fix)});
    }

    void sections() {
        // A table that was refused counts: its problem says what to do.
        if (config_.listeners.empty() && !places_.is_refused("listener"))
            report("listener", "there is no listener", "add a [listener.NAME] table");
        if (config_.pools.empty() && !places_.is_refused("pool"))
            report("pool", "there is no pool", "add a [pool.NAME] table with its backends");
    }

    void binds() {
        std::map<base::Address, std::string> first_key;
        for (const auto& listener : config_.listeners) {
            for (const auto& [address, key] : controls(listener)) {
                if (address.port == 0) continue;  // the system chooses, each time another
                const auto [first, is_new] = first_key.emplace(address, key);
                if (!is_new)
                    report(key,
                           fmt::format("{} is bound twice, by {} too", to_string(address),
                                       first->second),
                           "use another address or port, or remove one");
            }
        }
    }

    /// An address for control connections, and where the file says it.
    struct Control {
        base::Address address;
        std::string key;
    };

    [[nodiscard]] std::vector<Control> controls(const Listener& listener) const {
        std::vector<Control> result;
        const auto add = [&](const std::string& key, const std::vector<base::Address>& addresses) {
            if (places_.is_refused(key)) return;
            for (std::size_t i = 0; i < addresses.size(); ++i)
                result.push_back({addresses[i], fmt::format("{}[{}]", key, i)});
        };
        add(listener.where.key + ".bind", listener.bind);
        if (listener.tls)
            add(listener.tls->where.key + ".implicit_bind", listener.tls->implicit_bind);
        return result;
    }

    void has_address(const Listener& listener) {
        const auto key = listener.where.key + ".bind";
        const auto tls_key = listener.where.key + ".tls";
        const bool has_some =
            !listener.bind.empty() || (listener.tls && !listener.tls->implicit_bind.empty());
        if (has_some || places_.is_refused(key) || places_.is_refused(tls_key) ||
            places_.is_refused(tls_key + ".implicit_bind"))
            return;
        report(key, places_.is_said(key) ? "bind is empty" : "bind is missing",
               "name at least one address, such as [\"0.0.0.0:21\"]; only with "
               "tls.implicit_bind may there be none");
    }

    void one(const Listener& listener) {
        const auto& key = listener.where.key;
        has_address(listener);
        check_tls(listener, places_, problems_);
        if (!listener.pool.empty() && config_.find_pool(listener.pool) == nullptr)
            unknown_pool(key + ".pool", listener.pool);
        if (listener.pipelined_bytes_max < listener.command_bytes_max &&
            !places_.is_refused(key + ".pipelined_bytes_max") &&
            !places_.is_refused(key + ".command_bytes_max"))
            report(key + ".pipelined_bytes_max",
                   "pipelined_bytes_max is less than command_bytes_max",
                   fmt::format("use at least \"{}\"", size_text(listener.command_bytes_max)));
    }

    void unknown_pool(const std::string& key, const std::string& name) {
        // The pools that the file tried to describe, the failed ones too.
        std::vector<std::string_view> names;
        names.reserve(config_.pools.size());
        for (const auto& pool : config_.pools) names.push_back(pool.name);
        auto fix = names.empty() ? "add " : "use " + listed(names) + ", or add ";
        fix += fmt::format("[pool.{}]", name);
        if (const auto near = nearest(name, names)) fix += fmt::format("; did you mean {}?", *near);
        report(key, fmt::format("there is no pool {}", in_quotes(name)), std::move(fix));
    }

    void port_ranges() {
        for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
            const auto& listener = config_.listeners[i];
            const auto key = listener.where.key + ".passive_ports";
            if (places_.is_refused(key)) continue;
            for (std::size_t j = 0; j < i; ++j) overlap(config_.listeners[j], listener);
            for (const auto& other : config_.listeners) control_port_inside(listener, other);
        }
    }

    void overlap(const Listener& first, const Listener& second) {
        const auto first_key = first.where.key + ".passive_ports";
        const auto& a = first.passive_ports;
        const auto& b = second.passive_ports;
        if (places_.is_refused(first_key) || a == b || !a.overlaps(b)) return;
        report(second.where.key + ".passive_ports",
               fmt::format("{} overlaps {} of {} in part", to_string(b), to_string(a), first_key),
               fmt::format("use \"{}\" as well, or ports outside of it", to_string(a)));
    }

    /// Passive ports are opened on the address that the client connected to, so a control port is
    /// in their way only where an address of both listeners can be the same.
    void control_port_inside(const Listener& listener, const Listener& other) {
        const auto may_meet = [](const base::Ip& a, const base::Ip& b) {
            return a == b || (a.family() == b.family() && (a.is_any() || b.is_any()));
        };
        for (const auto& [control, key] : controls(other)) {
            if (!listener.passive_ports.contains(control.port)) continue;
            const auto meets = [&](const Control& own) {
                return may_meet(own.address.ip, control.ip);
            };
            if (std::ranges::none_of(controls(listener), meets)) continue;
            report(listener.where.key + ".passive_ports",
                   fmt::format("{} holds the control port {} of {}",
                               to_string(listener.passive_ports), control.port, key),
                   "use a range without it");
        }
    }

    void one(const Pool& pool) {
        const auto& key = pool.where.key;
        if (pool.backends.empty() && !places_.is_refused(key + ".backend"))
            report(key, "the pool has no backend",
                   fmt::format("add a [[{}.backend]] table with name and address", key));
        if (pool.reply_bytes_max < pool.reply_line_bytes_max &&
            !places_.is_refused(key + ".reply_bytes_max") &&
            !places_.is_refused(key + ".reply_line_bytes_max"))
            report(key + ".reply_bytes_max", "reply_bytes_max is less than reply_line_bytes_max",
                   fmt::format("use at least \"{}\"", size_text(pool.reply_line_bytes_max)));
        backends(pool);
        check_tls(pool, places_, problems_);
        if (pool.probe.type == ProbeType::login) login_probe(pool, key + ".probe");
    }

    void backends(const Pool& pool) {
        std::map<std::string, std::string> names;
        std::map<std::string, std::string> addresses;
        for (const auto& backend : pool.backends) {
            const auto& key = backend.where.key;
            if (!backend.name.empty()) {
                const auto [first, is_new] = names.emplace(backend.name, key);
                if (!is_new)
                    report(key + ".name",
                           fmt::format("{} is the name of {} too", in_quotes(backend.name),
                                       first->second),
                           "choose another");
            }
            if (!backend.host.empty()) {
                const auto address = to_string(Destination{backend.host, backend.port});
                const auto [first, is_new] = addresses.emplace(address, key);
                if (!is_new)
                    report(key + ".address",
                           fmt::format("{} is the address of {} too", address, first->second),
                           "remove one; to give a server more sessions, raise its weight");
            }
        }
    }

    void login_probe(const Pool& pool, const std::string& key) {
        const auto needs = [&](const std::string& value, std::string_view name,
                               std::string_view example) {
            const auto path = fmt::format("{}.{}", key, name);
            if (value.empty() && !places_.is_refused(path))
                report(path, fmt::format("a login probe needs {}", name),
                       fmt::format("add {} = \"{}\"", name, example));
        };
        needs(pool.probe.user, "user", "probe");
        needs(pool.probe.password_file, "password_file", "/etc/ballast/probe.secret");
    }

    const Config& config_;
    const Places& places_;
    std::vector<Problem>& problems_;
};

}  // namespace

void check(const Config& config, const Places& places, std::vector<Problem>& problems) {
    Check(config, places, problems).run();
}

}  // namespace ballast::config
