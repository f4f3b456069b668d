// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_draft.h"

#include "base/ascii.h"
#include "migrate/lvs_pool.h"
#include "migrate/lvs_ports.h"
#include "migrate/lvs_roles.h"
#include "migrate/lvs_time.h"
#include "migrate/names.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <ranges>
#include <utility>

namespace ballast::migrate {

namespace {

constexpr std::uint16_t ftp_port = 21;
constexpr std::uint16_t ftps_port = 990;

/// How clients with TLS are served.
enum class Tls : std::uint8_t {
    none,    ///< they are not, as with ip_vs_ftp
    ended,   ///< by Ballast, with the certificate
    passed,  ///< by the servers
};

/// What becomes of a virtual server: the outcome that asks most of the operator, and all texts.
struct Fate {
    Outcome outcome = Outcome::mapped;
    std::string text;

    void add(Outcome other, std::string_view more) {
        const bool is_worse = other == Outcome::unsupported ||
                              (other == Outcome::approximated && outcome == Outcome::mapped);
        if (is_worse) outcome = other;
        text += (text.empty() ? "" : ". ") + std::string(more);
    }
};

class Drafter {
public:
    Drafter(const std::vector<LvsService>& services, const LvsSurroundings& surroundings,
            Draft& draft, Report& report)
        : surroundings_(surroundings),
          parts_(parts_of(services)),
          ports_(parts_),
          draft_(draft),
          teller_(report) {}

    void run() {
        for (const auto& part : parts_) one(part);
        timeouts();
    }

private:
    void one(const Part& part) {
        const auto& service = *part.service;
        const bool is_plain = part.has(Role::control) || part.has(Role::every);
        const bool is_ftp = is_plain || part.has(Role::implicit);
        if (!is_ftp && part.has(Role::data))
            return reject(service, Outcome::not_needed,
                          "Ballast leads data connections to the right server itself");
        if (!is_ftp) return reject(service, Outcome::unsupported, why_foreign(service));
        Fate fate;
        bool is_drafted = is_plain && control(part, fate);
        if (part.has(Role::implicit)) is_drafted = implicit(part, is_drafted, fate) || is_drafted;
        if (!is_drafted) return reject(service, fate.outcome, fate.text);
        if (!service.marks.empty() && !service.addresses.empty())
            fate.add(Outcome::unsupported, fmt::format("The group has the mark {}, too: add the "
                                                       "addresses and ports that it marks to bind",
                                                       service.marks.front()));
        teller_.tell(service.said, fate.outcome, fate.text);
        protocol(service);
        teller_.tell_rest(service.options, "virtual_server");
    }

    static std::string why_foreign(const LvsService& service) {
        if (!service.wrong.empty()) return service.wrong;
        if (service.addresses.empty() && service.marks.empty()) return "the group has no address";
        const auto* const rest = service.has_checks
                                     ? "keepalived can go on to balance it, but --vrrp-out leaves "
                                       "it out"
                                     : "IPVS can go on to balance it";
        const auto* const protocol = service.options.find("protocol");
        if (protocol != nullptr && !base::is_same_but_for_case(protocol->value, "TCP"))
            return fmt::format("FTP needs TCP; {}", rest);
        return fmt::format(
            "nothing shows that this is FTP: ports 20, 21, 990, 2021, 2121, 8021 "
            "and 10021 would; {}",
            rest);
    }

    /// A whole virtual server that has no counterpart.
    void reject(const LvsService& service, Outcome outcome, std::string_view why) {
        const auto all = [&](const Options& options) {
            for (const auto& [word, said] : options.all())
                teller_.tell(said, outcome, "see its virtual server");
        };
        teller_.tell(service.said, outcome, why);
        all(service.options);
        for (const auto& server : service.servers) {
            teller_.tell(server.said, outcome, "see its virtual server");
            all(server.options);
            for (const auto& check : server.checks) {
                teller_.tell(check.said, outcome, "see its virtual server");
                all(check.options);
            }
        }
    }

    void protocol(const LvsService& service) {
        if (const auto* const said = service.options.find("protocol"))
            teller_.tell(*said, Outcome::mapped, "FTP uses TCP");
        else if (service.has_checks && service.marks.empty())
            teller_.add(service.said.place, "protocol", Outcome::approximated,
                        "it is missing: keepalived takes UDP and warns, but FTP needs TCP");
    }

    /// Explicit TLS, or none.
    bool control(const Part& part, Fate& fate) {
        const auto& service = *part.service;
        const bool is_every = part.has(Role::every);
        auto binds = binds_of(part, Role::control);
        for (auto& bind : binds_of(part, Role::every)) {
            if (bind.port == 0) bind.port = ftp_port;
            binds.push_back(bind);
        }
        if (service.addresses.empty()) binds = guessed(service);
        if (binds = unused(service, binds, fate); binds.empty()) return false;

        auto tls = is_every ? Tls::passed : Tls::none;
        if (!surroundings_.certificate.empty()) tls = Tls::ended;
        auto listener = listener_for(service, "ftp");
        listener.settings.set("bind", texts(binds), bind_comment(service, binds));
        free_bind(listener, binds);
        auto made = draft_pool(service, listener.name, binds.front().port, teller_);
        passive_ports(listener);
        if (tls == Tls::ended) {
            certificate(listener);
            if (is_every) backends_with_tls(made.pool, "as-client");
        }
        if (tls == Tls::passed) pass_through(listener, made, true);
        tell_control(service, listener.name, tls, is_every, fate);
        add(std::move(listener), std::move(made.pool));
        return true;
    }

    bool implicit(const Part& part, bool is_told, Fate& fate) {
        const auto& service = *part.service;
        const auto binds = unused(service, binds_of(part, Role::implicit), fate);
        if (binds.empty()) return false;
        auto listener = listener_for(service, "ftps");
        // What the service's directives became has been told with its other addresses.
        Report untold;
        Teller again(untold);
        auto made = draft_pool(service, listener.name, ftps_port, is_told ? again : teller_);
        backends_with_tls(made.pool, "implicit");
        if (is_told) implicit_ports(made);
        const bool is_ended = !surroundings_.certificate.empty();
        if (is_ended) {
            passive_ports(listener);
            certificate(listener);
            listener.tls.set("implicit_bind", texts(binds));
        } else {
            listener.settings.set("implicit_bind", texts(binds));
            pass_through(listener, made, false);
        }
        free_bind(listener, binds);
        tell_implicit(listener.name, is_ended, fate);
        if (is_told)
            fate.add(Outcome::approximated,
                     "Clients with TLS from the first byte are led to port 990 of the servers");
        add(std::move(listener), std::move(made.pool));
        return true;
    }

    /// Servers of a virtual server that has both kinds of addresses serve TLS at the usual port.
    static void implicit_ports(LvsPool& made) {
        for (std::size_t i = 0; i < made.addresses.size(); ++i)
            made.set_address(i, {made.addresses[i].ip, ftps_port});
    }

    [[nodiscard]] static std::vector<base::Address> binds_of(const Part& part, Role role) {
        std::vector<base::Address> binds;
        for (std::size_t i = 0; i < part.service->addresses.size(); ++i)
            if (part.roles[i] == role) binds.push_back(part.service->addresses[i]);
        return binds;
    }

    /// Where a mark is likely to come from: the addresses that VRRP moves, and else every one.
    [[nodiscard]] std::vector<base::Address> guessed(const LvsService& service) const {
        std::vector<base::Address> binds;
        for (const auto& ip : surroundings_.moving)
            if (ip.is_v4() == service.is_v4() && !owners_.contains({ip, ftp_port}))
                binds.push_back({ip, ftp_port});
        const auto family = service.is_v4() ? base::Family::ipv4 : base::Family::ipv6;
        if (binds.empty()) binds.push_back({base::Ip::any(family), ftp_port});
        return binds;
    }

    /// An address can belong to one listener only.
    std::vector<base::Address> unused(const LvsService& service,
                                      const std::vector<base::Address>& binds, Fate& fate) {
        std::vector<base::Address> result;
        for (const auto& bind : binds) {
            const auto [owner, is_new] = owners_.emplace(bind, &service);
            if (is_new)
                result.push_back(bind);
            else
                fate.add(Outcome::unsupported,
                         fmt::format("{} belongs to the listener of {} already",
                                     base::to_string(bind), to_string(owner->second->said.place)));
        }
        return result;
    }

    DraftListener listener_for(const LvsService& service, std::string_view otherwise) {
        const auto* const given = service.options.find("snmp_name");
        DraftListener listener{
            .name = names_.make(given == nullptr ? otherwise : given->value, otherwise),
            .settings = {},
            .tls = {},
            .routes = {}};
        listener.settings.note(origin(service.said));
        return listener;
    }

    void free_bind(DraftListener& listener, const std::vector<base::Address>& binds) const {
        const bool moves = std::ranges::any_of(
            binds, [&](const auto& bind) { return surroundings_.moving.contains(bind.ip); });
        if (moves)
            listener.settings.set("free_bind", Value::flag(true),
                                  "VRRP moves the address between machines");
    }

    static Value texts(const std::vector<base::Address>& addresses) {
        std::vector<std::string> result;
        result.reserve(addresses.size());
        for (const auto& address : addresses) result.push_back(base::to_string(address));
        return Value::texts(result);
    }

    static std::string bind_comment(const LvsService& service,
                                    const std::vector<base::Address>& binds) {
        if (!service.addresses.empty()) return {};
        return fmt::format(
            "CHANGE THIS{}: the addresses and ports of mark {} are in rules of iptables or nft",
            binds.front().ip.is_any() ? "" : ", unless they are those that VRRP moves",
            service.marks.empty() ? 0 : service.marks.front());
    }

    void passive_ports(DraftListener& listener) const {
        listener.settings.set("passive_ports", Value::text(base::to_string(ports_.passive())),
                              ports_.is_said()
                                  ? "the ports of the virtual servers for data connections"
                                  : "open these ports for clients in the firewall");
    }

    void certificate(DraftListener& listener) const {
        listener.tls.set("certificate", Value::text(surroundings_.certificate));
    }

    static void backends_with_tls(DraftPool& pool, std::string_view mode) {
        pool.tls.set("mode", Value::text(mode));
        pool.tls.set("verify", Value::text("none"),
                     "LVS checks no certificates. Better: ca = \"FILE\", and verify = \"full\"");
    }

    void pass_through(DraftListener& listener, LvsPool& made, bool has_plain) {
        listener.settings.set("mode", Value::text("passthrough"),
                              "TLS ends at the servers, which have the keys");
        if (has_plain) listener.settings.set("plain", Value::flag(true));
        for (std::size_t i = 0; i < made.addresses.size(); ++i)
            made.pool.backends[i].settings.set(
                "passive_ports",
                Value::text(base::to_string(ports_.slice_of(made.addresses[i].ip))),
                "for clients with TLS: let the server use these passive ports and no others");
    }

    void add(DraftListener listener, DraftPool pool) {
        listener.settings.set("pool", Value::text(pool.name));
        draft_.listeners.push_back(std::move(listener));
        draft_.pools.push_back(std::move(pool));
    }

    static void tell_control(const LvsService& service, std::string_view name, Tls tls,
                             bool is_every, Fate& fate) {
        fate.add(Outcome::mapped, fmt::format("[listener.{}] and [pool.{}]", name, name));
        if (!service.marks.empty() && service.addresses.empty())
            fate.add(Outcome::unsupported,
                     "Write the addresses and ports of the mark into bind. They are in rules of "
                     "iptables or nft, which are not needed any more");
        if (tls == Tls::passed)
            fate.add(Outcome::unsupported, passed_advice);
        else if (tls == Tls::ended)
            fate.add(Outcome::mapped,
                     is_every ? "Ballast ends TLS, and speaks TLS to the servers if the client does"
                              : "Ballast ends TLS");
        else
            fate.add(Outcome::mapped,
                     "LVS could not follow data connections of FTPS here: with --certificate FILE "
                     "Ballast serves FTPS, too");
    }

    static void tell_implicit(std::string_view name, bool is_ended, Fate& fate) {
        fate.add(Outcome::mapped, fmt::format("[listener.{}] and [pool.{}]", name, name));
        if (is_ended)
            fate.add(Outcome::mapped, "Ballast ends TLS, and speaks TLS to the servers");
        else
            fate.add(Outcome::unsupported, passed_advice);
    }

    static constexpr std::string_view passed_advice =
        "TLS passes through to the servers as with LVS. Each server must use the passive ports "
        "that its passive_ports name, and no others; with --certificate FILE Ballast ends TLS "
        "itself, and servers need no change";

    void timeouts() {
        if (surroundings_.timeouts == nullptr) return;
        const auto& said = *surroundings_.timeouts;
        std::string_view tcp = "0";  // as IPVS has it: not set
        std::string_view key;
        for (const auto part : said.value | std::views::split(' ')) {
            const std::string_view word(part.begin(), part.end());
            if (key == "tcp") tcp = word;
            key = word;
        }
        if (tcp == "0")
            return teller_.tell(said, Outcome::not_needed,
                                "there is no IPVS any more, and FTP uses no UDP");
        const auto time = seconds_in(tcp);
        if (!time) return teller_.tell(said, Outcome::unsupported, "this is not a number above 0");
        for (auto& listener : draft_.listeners)
            listener.settings.set("idle_timeout", Value::time(*time), origin(said));
        teller_.tell(said, Outcome::approximated,
                     "idle_timeout: how long a client may be silent between commands");
    }

    const LvsSurroundings& surroundings_;
    const std::vector<Part> parts_;
    LvsPorts ports_;
    Draft& draft_;
    Teller teller_;
    Names names_;
    std::map<base::Address, const LvsService*> owners_;
};

}  // namespace

void draft_services(const std::vector<LvsService>& services, const LvsSurroundings& surroundings,
                    Draft& draft, Report& report) {
    Drafter(services, surroundings, draft, report).run();
}

}  // namespace ballast::migrate
