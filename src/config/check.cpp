// SPDX-License-Identifier: Apache-2.0
#include "config/check.h"

#include "config/amount.h"
#include "config/check_admin.h"
#include "config/check_cluster.h"
#include "config/check_commands.h"
#include "config/check_data_path.h"
#include "config/check_failover.h"
#include "config/check_fallbacks.h"
#include "config/check_kernel_path.h"
#include "config/check_logs.h"
#include "config/check_passthrough.h"
#include "config/check_pool.h"
#include "config/check_ports.h"
#include "config/check_routes.h"
#include "config/check_tls.h"
#include "config/check_unused.h"
#include "config/findings.h"
#include "config/own_addresses.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::config {

namespace {

class Check {
public:
    Check(const Config& config, const Places& places, std::vector<Problem>& problems)
        : config_(config), places_(places), problems_(problems) {}

    void run() {
        sections();
        for (const auto& listener : config_.listeners) one(listener);
        for (const auto& pool : config_.pools) {
            check_pool(pool, Findings(places_, problems_));
            check_failover(pool, Findings(places_, problems_));
            check_tls(pool, places_, problems_);
        }
        check_admin(config_.admin, Findings(places_, problems_));
        check_tls(config_.admin, places_, problems_);
        check_cluster(config_.cluster, Findings(places_, problems_));
        check_logs(config_, Findings(places_, problems_));
        check_fallbacks(config_, Findings(places_, problems_));
        check_unused(config_, Findings(places_, problems_));
        check_ports(config_, Findings(places_, problems_));
        check_passthrough(config_, Findings(places_, problems_));
        check_data_path(config_, Findings(places_, problems_));
        check_kernel_path(config_, places_, problems_);
        check_own_addresses(config_, Findings(places_, problems_));
    }

private:
    void report(const std::string& key, std::string what, std::string fix) {
        problems_.push_back({places_.of(key), std::move(what), std::move(fix)});
    }

    void sections() {
        // A refused table counts too: its own problem says what to do.
        if (config_.listeners.empty() && !places_.is_refused("listener"))
            report("listener", "there is no listener", "add a [listener.NAME] table");
        if (config_.pools.empty() && !places_.is_refused("pool"))
            report("pool", "there is no pool", "add a [pool.NAME] table with its backends");
    }

    void has_address(const Listener& listener) {
        const auto key = listener.where.key + ".bind";
        const auto tls_key = listener.where.key + ".tls";
        const bool has_some = !listener.bind.empty() || !listener.implicit_bind.empty() ||
                              (listener.tls && !listener.tls->implicit_bind.empty());
        if (has_some || places_.is_refused(key) || places_.is_refused(tls_key) ||
            places_.is_refused(tls_key + ".implicit_bind") ||
            places_.is_refused(listener.where.key + ".implicit_bind"))
            return;
        report(key, places_.is_said(key) ? "bind is empty" : "bind is missing",
               "name at least one address, such as [\"0.0.0.0:21\"]; only with implicit_bind it "
               "may be empty");
    }

    /// On an IPv6 connection PASV is always answered with 425.
    void check_public_address(const Listener& listener) {
        const auto key = listener.where.key + ".public_address";
        for (const auto& rule : listener.public_address)
            if (rule.network && !rule.network->first().is_v4())
                report(fmt::format("{}.'{}'", key, to_string(*rule.network)),
                       "PASV has no address for IPv6 clients", "remove it: they use EPSV");
        auto binds = listener.bind;
        if (listener.tls)
            binds.insert(binds.end(), listener.tls->implicit_bind.begin(),
                         listener.tls->implicit_bind.end());
        const bool is_v4_reached =
            binds.empty() || !listener.proxy_from.empty() ||
            std::ranges::any_of(binds, [](const auto& bind) { return bind.ip.is_v4(); });
        if (!listener.public_address.empty() && !is_v4_reached &&
            !places_.is_refused(listener.where.key + ".bind"))
            report(key, "public_address has no effect: the listener has IPv6 addresses only",
                   "add an IPv4 address to bind, or remove public_address");
    }

    /// Texts like "220 Welcome", although Ballast adds the code.
    void brings_code(const std::string& key, const std::string& text, int code) {
        const auto is_digit = [](char c) { return '0' <= c && c <= '9'; };
        const bool has_code = text.size() > 4 &&
                              std::all_of(text.begin(), text.begin() + 3, is_digit) &&
                              (text[3] == ' ' || text[3] == '-');
        if (has_code)
            Findings(places_, problems_)
                .warn(key,
                      fmt::format("clients will see \"{} {}\": Ballast adds the code", code, text),
                      fmt::format("write \"{}\"", text.substr(4)));
    }

    void check_proxies(const Listener& listener) {
        for (const auto& network : listener.proxy_from)
            if (network.prefix_bits() == 0)
                Findings(places_, problems_)
                    .warn(listener.where.key + ".proxy_from",
                          fmt::format("{} lets every client claim to be another one",
                                      to_string(network)),
                          "name only the networks of the proxies");
    }

    void one(const Listener& listener) {
        const auto& key = listener.where.key;
        has_address(listener);
        brings_code(key + ".greeting", listener.greeting, 220);
        brings_code(key + ".system", listener.system, 215);
        check_proxies(listener);
        check_tls(listener, places_, problems_);
        if (listener.proxy_data && listener.proxy_from.empty() &&
            !places_.is_refused(key + ".proxy_from"))
            report(key + ".proxy_data", "proxy_data has no effect without proxy_from",
                   "name the proxies' networks in proxy_from, or remove proxy_data");
        check_public_address(listener);
        check_routes(config_, listener, Findings(places_, problems_));
        if (listener.mode == ListenerMode::terminate || listener.plain)
            check_commands(listener, Findings(places_, problems_));
        if (listener.pipelined_bytes_max < listener.command_bytes_max &&
            !places_.is_refused(key + ".pipelined_bytes_max") &&
            !places_.is_refused(key + ".command_bytes_max"))
            report(key + ".pipelined_bytes_max",
                   "pipelined_bytes_max is less than command_bytes_max",
                   fmt::format("use at least \"{}\"", size_text(listener.command_bytes_max)));
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
