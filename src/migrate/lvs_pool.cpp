// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_pool.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/port_range.h"
#include "migrate/lvs_probe.h"
#include "migrate/lvs_scheduler.h"
#include "migrate/lvs_time.h"
#include "migrate/names.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <vector>

namespace ballast::migrate {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t weight_max = 256;
constexpr std::uint32_t sessions_max = 1'000'000;

/// "255.255.255.0" or "24", as the length of a prefix.
std::optional<std::uint32_t> prefix_of(std::string_view mask) {
    if (const auto length = base::parse_number<std::uint32_t>(mask)) return length;
    const auto ip = base::Ip::parse(mask);
    if (!ip || !ip->is_v4()) return std::nullopt;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) bits = bits << 8U | ip->bytes()[i];
    return static_cast<std::uint32_t>(std::countl_one(bits));
}

/// "NAT", "DR" or "TUN".
std::string_view method_of(const LvsService& service, const LvsServer& server) {
    const auto* said = server.options.find("lvs_method");
    if (said == nullptr) said = service.options.find("lvs_method");
    // Without a word keepalived takes NAT, and ipvsadm direct routing.
    if (said == nullptr || said->value.empty()) return service.has_checks ? "NAT" : "DR";
    return std::string_view(said->value).substr(0, said->value.find(' '));
}

/// A server that will be a backend.
struct Chosen {
    const LvsServer* server;
    std::uint32_t weight;
    std::uint16_t port;
};

class Drafter {
public:
    Drafter(const LvsService& service, std::string_view name, std::uint16_t port, Teller& teller)
        : service_(service), port_(port), teller_(teller) {
        pool_.name = name;
    }

    LvsPool run() {
        pool_.settings.note(origin(service_.said));
        schedule();
        stick();
        quorum();
        draft_probe(service_, port_, pool_, teller_);
        choose();
        methods();
        backends();
        sorry_server();
        for (const auto* const word : {"lvs_method", "sorry_server_lvs_method"}) method(word);
        for (const auto& server : service_.servers) {
            method(server.options.find("lvs_method"));
            teller_.tell_rest(server.options, "real_server");
            for (const auto& check : server.checks) teller_.tell_rest(check.options, check.kind);
        }
        return {std::move(pool_), std::move(addresses_)};
    }

private:
    /// Whose defaults count.
    [[nodiscard]] std::string_view writer() const {
        return service_.has_checks ? "keepalived" : "ipvsadm";
    }

    void schedule() {
        const auto* const said = service_.options.find("lvs_sched");
        scheduler_ = &scheduler_of(said == nullptr ? "wlc" : said->value);
        const bool is_known = said != nullptr && scheduler_->name == said->value;
        pool_.settings.set(
            "balance", Value::text(scheduler_->balance),
            said == nullptr ? fmt::format("{}'s default, wlc", writer()) : origin(*said));
        if (said == nullptr) return;
        if (!is_known)
            return teller_.tell(*said, Outcome::unsupported,
                                "there is no such scheduler: keepalived takes wlc, and so balance "
                                "= \"least-sessions\"");
        teller_.tell(*said, scheduler_->outcome,
                     fmt::format("balance = \"{}\"{}{}", scheduler_->balance,
                                 scheduler_->differs.empty() ? "" : ": ", scheduler_->differs));
    }

    void method(std::string_view word) { method(service_.options.find(word)); }
    void method(const Said* said) {
        if (said == nullptr) return;
        const bool is_nat = said->value.starts_with("NAT") || said->value.empty();
        teller_.tell(
            *said, Outcome::approximated,
            is_nat
                ? "Ballast connects to the servers itself, so they need no route through it and no "
                  "ip_vs_ftp. With LVS they saw the clients' addresses, now they see Ballast's. "
                  "source = \"client\" keeps the clients', with the servers' default route as it "
                  "is (docs/source-addresses.md); send_proxy names them, too"
                : "all data passes through Ballast in both directions, so its network must carry "
                  "what servers sent past it. This is the default, data = \"relay\", because every "
                  "mode, every client and TLS work with it. For plain FTP data = \"direct\" is the "
                  "counterpart (docs/data-modes.md). Servers need no address of the balancer. They "
                  "see Ballast as the client; send_proxy names the real one");
    }

    /// What Ballast has in place of NAT, direct routing and tunnels, for those who read the file.
    void methods() {
        const auto has = [&](bool is_nat) {
            return std::ranges::any_of(chosen_, [&](const Chosen& each) {
                return (method_of(service_, *each.server) == "NAT") == is_nat;
            });
        };
        if (has(true))
            pool_.settings.note(
                "With LVS (NAT) the servers saw the clients' addresses. source = \"client\" keeps "
                "that, with routes as now: the servers' default route is this machine "
                "(docs/source-addresses.md).");
        if (has(false))
            pool_.settings.note(
                "With LVS (DR, TUN) the servers' data went past the balancer. For plain FTP data = "
                "\"direct\" is the counterpart (docs/data-modes.md). This pool has the default, "
                "\"relay\", because every mode, every client and TLS work with it.");
    }

    void stick() {
        const auto* const timeout = service_.options.find("persistence_timeout");
        const auto* const granularity = service_.options.find("persistence_granularity");
        const bool is_forced = std::ranges::any_of(service_.addresses,
                                                   [](const auto& each) { return each.port == 0; });
        if (timeout == nullptr && granularity == nullptr && !is_forced) return;
        const config::Duration usual = service_.has_checks ? 360s : 300s;
        constexpr config::Duration longest = std::chrono::hours(168);
        const auto said =
            timeout == nullptr ? std::nullopt : seconds_in(timeout->value, 2 * longest);
        const auto wanted = said.value_or(usual);
        auto& stick = pool_.stick;
        stick.note(
            "Data connections reach the right server without this. Remove it, if it had no other "
            "purpose.");
        stick.set("by", Value::text("network"));
        stick.set("timeout", Value::time(std::min(wanted, longest)),
                  timeout == nullptr ? fmt::format("{}'s default", writer()) : origin(*timeout));
        if (timeout != nullptr && !said && !timeout->value.empty())
            teller_.tell(
                *timeout, Outcome::unsupported,
                fmt::format("this is not a number above 0: stick has {}'s default", writer()));
        else if (timeout != nullptr)
            teller_.tell(*timeout, wanted > longest ? Outcome::approximated : Outcome::mapped,
                         wanted > longest ? "stick, with the longest timeout that it can have"
                                          : "stick. Data connections do not need it");
        const auto prefix = granularity == nullptr ? std::nullopt : prefix_of(granularity->value);
        const std::uint32_t width = service_.is_v4() ? 32 : 128;
        const auto* const key = service_.is_v4() ? "ipv4_prefix" : "ipv6_prefix";
        if (granularity != nullptr || !service_.is_v4())
            stick.set(key, Value::number(std::min(prefix.value_or(width), width)),
                      granularity == nullptr ? "" : origin(*granularity));
        if (granularity == nullptr) return;
        if (prefix)
            teller_.tell(*granularity, Outcome::mapped, fmt::format("{} of stick", key));
        else
            teller_.tell(*granularity, Outcome::unsupported, "this is not a mask");
    }

    void quorum() {
        const bool has_sorry = service_.options.find("sorry_server") != nullptr;
        if (const auto* const said = service_.options.find("quorum")) {
            if (said->value == "1" || said->value.empty())
                teller_.tell(*said, Outcome::mapped, "the pool serves while one backend can");
            else if (has_sorry)
                teller_.tell(*said, Outcome::approximated,
                             "the sorry server serves when no backend can; until then the "
                             "remaining ones serve, however few they are");
            else
                teller_.tell(*said, Outcome::not_needed,
                             "without a sorry server it changes nothing but scripts");
        }
        if (const auto* const said = service_.options.find("hysteresis"))
            teller_.tell(*said, Outcome::approximated,
                         "rise and fall of the probe keep a backend from coming and going");
    }

    [[nodiscard]] std::uint32_t weight_of(const LvsServer& server) const {
        if (const auto* const own = server.options.find("weight"))
            return base::parse_number<std::uint32_t>(own->value).value_or(1);
        const auto* const usual = service_.options.find("weight");
        if (usual == nullptr) return 1;
        // Keepalived refuses 0 there.
        return std::max(1U, base::parse_number<std::uint32_t>(usual->value).value_or(1));
    }

    /// Leaves out what keepalived leaves out.
    void choose() {
        const auto* const usual = service_.options.find("weight");
        if (usual != nullptr && usual->value == "0")
            teller_.tell(*usual, Outcome::unsupported,
                         "keepalived refuses 0 for a virtual server, and takes 1");
        std::set<base::Address> seen;
        for (const auto& server : service_.servers) {
            const auto method = method_of(service_, server);
            const auto port = server.port == 0 || method != "NAT" ? port_ : server.port;
            if (server.ip.is_v4() != service_.is_v4() && method != "TUN") {
                leave_out(server,
                          "keepalived drops servers of another family than the virtual server's");
            } else if (!seen.insert({server.ip, port}).second) {
                leave_out(server, "keepalived drops the second server of an address");
            } else {
                chosen_.push_back({&server, weight_of(server), port});
            }
        }
        const bool is_ordered = scheduler_->use == Use::order || scheduler_->use == Use::overflow;
        if (is_ordered)
            std::sort(chosen_.begin(), chosen_.end(), [](const Chosen& a, const Chosen& b) {
                return std::pair(b.weight, a.server->said.place) <
                       std::pair(a.weight, b.server->said.place);
            });
    }

    void leave_out(const LvsServer& server, std::string_view why) {
        teller_.tell(server.said, Outcome::not_needed, why);
        for (const auto* const word : {"weight", "uthreshold"})
            if (const auto* const said = server.options.find(word))
                teller_.tell(*said, Outcome::not_needed, "see the server");
    }

    void backends() {
        std::uint32_t heaviest = 1;
        for (const auto& each : chosen_) heaviest = std::max(heaviest, each.weight);
        for (const auto& each : chosen_) {
            const auto& options = each.server->options;
            const auto* const given = options.find("snmp_name");
            const auto ip = base::to_string(each.server->ip);
            DraftBackend backend{
                .name = names_.make(given == nullptr ? ip : given->value, "server"),
                .settings = {},
                .tls = {}};
            const auto address = base::Address{each.server->ip, each.port};
            backend.settings.set("address", Value::text(base::to_string(address)),
                                 origin(each.server->said));
            weight(each, heaviest, backend);
            limit(each, backend);
            if (scheduler_->use == Use::order && !pool_.backends.empty())
                backend.settings.set("backup", Value::flag(true));
            teller_.tell(each.server->said, Outcome::mapped,
                         fmt::format("backend {} of pool {}", backend.name, pool_.name));
            add(std::move(backend), address);
        }
    }

    void add(DraftBackend backend, const base::Address& address) {
        pool_.backends.push_back(std::move(backend));
        addresses_.push_back(address);
    }

    void weight(const Chosen& chosen, std::uint32_t heaviest, DraftBackend& backend) {
        const auto* const said = chosen.server->options.find("weight");
        const auto tell = [&](Outcome outcome, std::string_view text) {
            if (said != nullptr) teller_.tell(*said, outcome, text);
        };
        // Every scheduler looks at this one.
        if (chosen.weight == 0) {
            backend.settings.set("weight", Value::number(0));
            return tell(Outcome::mapped,
                        "weight = 0: no new sessions, except from clients that stick");
        }
        switch (scheduler_->use) {
            case Use::nothing:
                return tell(Outcome::not_needed,
                            fmt::format("{} does not look at weights", scheduler_->name));
            case Use::order: return tell(Outcome::mapped, "the order of the backends");
            case Use::overflow:
                return tell(Outcome::mapped, "the order of the backends, and their max_sessions");
            case Use::weights: break;
        }
        auto weight = chosen.weight;
        if (heaviest > weight_max)
            weight = std::max<std::uint32_t>(
                1, static_cast<std::uint32_t>(std::uint64_t{weight} * weight_max / heaviest));
        backend.settings.set("weight", Value::number(weight));
        if (heaviest > weight_max)
            tell(Outcome::approximated,
                 fmt::format("weight = {}: the heaviest may have 256", weight));
        else
            tell(Outcome::mapped, fmt::format("weight = {}", weight));
    }

    void limit(const Chosen& chosen, DraftBackend& backend) {
        const auto* const said = chosen.server->options.find("uthreshold");
        auto most =
            said == nullptr ? 0U : base::parse_number<std::uint32_t>(said->value).value_or(0);
        if (scheduler_->use == Use::overflow && chosen.weight > 0)
            most = most == 0 ? chosen.weight + 1 : std::min(most, chosen.weight + 1);
        if (most > 0)
            backend.settings.set("max_sessions", Value::number(std::min(most, sessions_max)),
                                 said == nullptr ? "one above its weight" : origin(*said));
        if (said != nullptr)
            teller_.tell(*said, Outcome::mapped,
                         most == 0 ? "no limit"
                                   : "max_sessions; it counts sessions alone, not "
                                     "their data connections");
    }

    void sorry_server() {
        const auto* const said = service_.options.find("sorry_server");
        if (said == nullptr) return;
        const auto blank = std::min(said->value.find(' '), said->value.size());
        const auto address = address_of(std::string_view(said->value).substr(0, blank),
                                        base::trimmed(std::string_view(said->value).substr(blank)));
        if (!address)
            return teller_.tell(*said, Outcome::unsupported, "this is not an address with a port");
        const base::Address target{address->ip, address->port == 0 ? port_ : address->port};
        const auto known = std::ranges::find(addresses_, target);
        if (known != addresses_.end())
            return sorry_backend(
                *said, pool_.backends[static_cast<std::size_t>(known - addresses_.begin())]);
        DraftBackend backend{.name = names_.make("sorry", "sorry"), .settings = {}, .tls = {}};
        backend.settings.set("address", Value::text(base::to_string(target)), origin(*said));
        backend.settings.set("backup", Value::flag(true));
        add(std::move(backend), target);
        teller_.tell(*said, Outcome::approximated,
                     "a backend with backup = true: it serves while no other one can, and is "
                     "probed like them");
    }

    /// A real server that is the sorry server, too.
    void sorry_backend(const Said& said, DraftBackend& backend) {
        const auto* const weight = backend.settings.find("weight");
        if (weight == nullptr || weight->value.toml() != "0")
            return teller_.tell(said, Outcome::not_needed, "it is one of the backends anyway");
        backend.settings.remove("weight");
        backend.settings.set("backup", Value::flag(true), origin(said));
        teller_.tell(said, Outcome::approximated,
                     fmt::format("the backend {} has backup = true instead of weight = 0: it "
                                 "serves while no other one can",
                                 backend.name));
    }

    const LvsService& service_;
    const std::uint16_t port_;
    Teller& teller_;
    const Scheduler* scheduler_ = nullptr;
    std::vector<Chosen> chosen_;
    Names names_;
    DraftPool pool_;
    std::vector<base::Address> addresses_;  ///< of the backends
};

}  // namespace

void LvsPool::set_address(std::size_t backend, const base::Address& address) {
    addresses[backend] = address;
    auto& settings = pool.backends[backend].settings;
    settings.set("address", Value::text(base::to_string(address)), settings.find("address")->why);
}

LvsPool draft_pool(const LvsService& service, std::string_view name, std::uint16_t port,
                   Teller& teller) {
    return Drafter(service, name, port, teller).run();
}

}  // namespace ballast::migrate
