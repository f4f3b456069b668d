// SPDX-License-Identifier: Apache-2.0
#include "config/check_kernel_path.h"

#include "base/ascii.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::config {

namespace {

/// What a client may ask for. With PASV and EPSV the direction is not known in time.
enum class Use : std::uint8_t { passive, active_download, active_upload };

/// One kind of transfer of the listener.
struct Transfers {
    const Pool* pool;
    const Backend* backend;  // null: one that this file does not name
    base::Family client;
    Use use;
    bool is_carried = true;
};

/// What keeps transfers from the kernel.
struct Obstacle {
    std::string key;
    std::string reason;
    std::string cure;
    std::string_view kind = "";  // "PORT or EPRT "
    std::string where = "";      // " to pool "files""
    /// What others keep from it anyway is not worth a word.
    bool is_lesser = false;
};

std::string key_of(const Where& where, std::string_view name) {
    return fmt::format("{}.{}", where.key, name);
}

std::string_view name_of(base::Family family) {
    return family == base::Family::ipv4 ? "IPv4" : "IPv6";
}

std::string names_of(const std::vector<const Backend*>& backends) {
    std::string names;
    for (const auto* const each : backends) names += (names.empty() ? "" : ", ") + each->name;
    return names;
}

bool is_exact(const DataPeer& peer) { return peer.kind == DataPeer::Kind::exact; }

/// Always, whatever the client does. `as-client` follows the client's own TLS.
bool has_tls(const Listener& listener, const Backend& backend) {
    switch (backend.tls.mode) {
        case BackendTlsMode::off: return false;
        case BackendTlsMode::explicit_tls:
        case BackendTlsMode::implicit_tls: return true;
        case BackendTlsMode::as_client:
            return listener.tls && listener.tls->require != TlsRequire::none;
    }
    return false;
}

class ListenerCheck {
public:
    ListenerCheck(const Config& config, const Listener& listener, const Places& places)
        : config_(config), listener_(listener), places_(places) {}

    /// In the order of what keeps more.
    std::vector<Problem> run() {
        if (!listener_.lends_ports()) {
            passes_through();
            return std::move(problems_);
        }
        collect();
        if (transfers_.empty()) return {};
        of_listener();
        for (const auto* const pool : config_.pools_of(listener_)) {
            of_pool(*pool);
            for (const auto& backend : pool->backends) of_backend(*pool, backend);
            of_families(*pool);
            of_active(*pool);
        }
        return std::move(problems_);
    }
    [[nodiscard]] bool carries_nothing() const {
        return std::ranges::none_of(transfers_, &Transfers::is_carried);
    }
    /// One of the problems alone keeps everything from the kernel.
    [[nodiscard]] bool has_whole() const { return !whole_.empty(); }
    [[nodiscard]] bool is_whole(const Problem& problem) const {
        return whole_.contains(problem.where.key);
    }

private:
    [[nodiscard]] std::set<base::Family> families() const {
        std::set<base::Family> found;
        const auto add = [&](const std::vector<base::Address>& addresses) {
            for (const auto& address : addresses) found.insert(address.ip.family());
        };
        add(listener_.bind);
        if (listener_.tls) add(listener_.tls->implicit_bind);
        return found;
    }
    [[nodiscard]] bool allows(std::string_view verb) const {
        return std::ranges::none_of(listener_.deny_commands, [&](const std::string& denied) {
            return base::is_same_but_for_case(denied, verb);
        });
    }
    [[nodiscard]] std::vector<Use> uses(base::Family family) const {
        const bool is_v4 = family == base::Family::ipv4;
        std::vector<Use> found;
        if (allows("EPSV") || (is_v4 && allows("PASV"))) found.push_back(Use::passive);
        if (allows("EPRT") || (is_v4 && allows("PORT"))) {
            found.push_back(Use::active_download);
            if (!listener_.read_only) found.push_back(Use::active_upload);
        }
        return found;
    }
    void collect() {
        for (const auto& name : {"bind", "tls", "mode", "pool", "route"})
            if (places_.is_refused(key_of(listener_.where, name))) return;
        for (const auto* const pool : config_.pools_of(listener_)) {
            std::vector<const Backend*> backends;
            backends.reserve(pool->backends.size() + 1);
            for (const auto& backend : pool->backends) backends.push_back(&backend);
            if (!pool->backends_file.empty()) backends.push_back(nullptr);
            for (const auto* const backend : backends)
                for (const auto family : families())
                    for (const auto use : uses(family))
                        transfers_.push_back({pool, backend, family, use});
        }
    }

    template <typename Keeps>
    void add(const Obstacle& obstacle, Keeps keeps) {
        if (places_.is_refused(obstacle.key)) return;
        std::size_t kept = 0;
        bool is_new = false;
        for (auto& each : transfers_) {
            if (!keeps(each)) continue;
            ++kept;
            if (std::exchange(each.is_carried, false)) is_new = true;
        }
        if (kept == 0 || (obstacle.is_lesser && !is_new)) return;
        const bool is_whole = kept == transfers_.size();
        if (is_whole) whole_.insert(obstacle.key);
        problems_.push_back({places_.of(obstacle.key), what(obstacle, is_whole),
                             obstacle.cure + std::string(alternative(is_whole))});
    }
    [[nodiscard]] std::string what(const Obstacle& obstacle, bool is_whole) const {
        return fmt::format("{}, so no {}transfer of {}{} goes through the kernel", obstacle.reason,
                           obstacle.kind, listener_.where.key, is_whole ? "" : obstacle.where);
    }
    [[nodiscard]] std::string_view alternative(bool is_whole) const {
        if (is_whole) return ", or use data_path = \"relay\"";
        return listener_.data_path == Carrier::kernel ? ", or use data_path = \"auto\"" : "";
    }
    static std::string to(const Pool& pool) { return fmt::format(" to pool \"{}\"", pool.name); }
    /// For a setting of the listener that holds for all its transfers.
    void add_whole(std::string_view name, std::string reason, std::string cure) {
        add({.key = key_of(listener_.where, name),
             .reason = std::move(reason),
             .cure = std::move(cure)},
            [](const Transfers&) { return true; });
    }

    void passes_through() {
        const auto key = key_of(listener_.where, "data_path");
        whole_.insert(key);
        problems_.push_back({places_.of(key),
                             "data_path has no effect with mode = \"passthrough\", whose transfers "
                             "Ballast does not "
                             "see",
                             "remove it, or end TLS here with mode = \"terminate\""});
    }

    void of_listener() {
        constexpr std::string_view limit = "the kernel knows no limit of bandwidth";
        constexpr std::string_view no_limit = "remove the limit";
        for (const auto& [name, value] :
             {std::pair("bandwidth", listener_.bandwidth),
              std::pair("session_bandwidth", listener_.session_bandwidth)})
            if (value != 0) add_whole(name, std::string(limit), std::string(no_limit));
        if (config_.limits.user_bandwidth != 0)
            add({.key = "limits.user_bandwidth",
                 .reason = std::string(limit),
                 .cure = std::string(no_limit)},
                [](const Transfers&) { return true; });
        if (listener_.tls && listener_.tls->require == TlsRequire::login_and_data)
            add_whole("tls.require", "only Ballast can decrypt the data",
                      "use require = \"login\" or \"none\"");
        for (const auto family : families()) of_family(family);
        if (!is_exact(listener_.data_peer))
            add({.key = key_of(listener_.where, "data_peer"),
                 .reason = "a rule of the kernel is for one address",
                 .cure = "use data_peer = \"exact\"",
                 .kind = "PASV or EPSV "},
                [](const Transfers& each) { return each.use == Use::passive; });
    }

    void of_family(base::Family family) {
        const auto is_of = [&](const Transfers& each) { return each.client == family; };
        const auto has_all = [&](const base::Subnet& network) {
            return network.prefix_bits() == 0 && network.first().family() == family;
        };
        const auto kind = family == base::Family::ipv4 ? "IPv4 " : "IPv6 ";
        if (std::ranges::any_of(listener_.proxy_from, has_all))
            add({.key = key_of(listener_.where, "proxy_from"),
                 .reason = "every client comes through a proxy",
                 .cure = "name only the networks of the proxies",
                 .kind = kind},
                is_of);
        bool is_near = true;
        const auto look = [&](const std::vector<base::Address>& addresses) {
            for (const auto& address : addresses)
                if (address.ip.family() == family && !address.ip.is_loopback()) is_near = false;
        };
        look(listener_.bind);
        if (listener_.tls) look(listener_.tls->implicit_bind);
        if (is_near)
            add({.key = key_of(listener_.where, "bind"),
                 .reason = "clients of a loopback address are on this machine, and their packets "
                           "are not forwarded",
                 .cure = "bind an address that other machines reach",
                 .kind = kind},
                is_of);
    }

    void of_pool(const Pool& pool) {
        const auto add_one = [&](std::string_view name, std::string reason, std::string cure) {
            add({.key = key_of(pool.where, name),
                 .reason = std::move(reason),
                 .cure = std::move(cure),
                 .where = to(pool)},
                [&](const Transfers& each) { return each.pool == &pool; });
        };
        if (pool.data == DataPath::direct)
            add_one("data", "data = \"direct\" takes precedence", "use data = \"relay\"");
        if (pool.source.kind == Source::Kind::client)
            add_one("source", "the servers expect the clients' own addresses",
                    "use source = \"system\"");
        if (pool.send_proxy != ProxyHeader::off)
            add_one("send_proxy", "the servers expect a PROXY header", "remove send_proxy");
        if (pool.backend_data == BackendData::as_client)
            add_one("backend_data", "the servers get the clients' own dialog",
                    "use backend_data = \"auto\"");
        if (pool.failover == Failover::transfer)
            add({.key = key_of(pool.where, "failover"),
                 .reason = "a download could not go on with another server, and PASV does not say "
                           "the direction",
                 .cure = "use failover = \"session\"",
                 .kind = listener_.read_only ? "" : "download and no PASV or EPSV ",
                 .where = to(pool)},
                [&](const Transfers& each) {
                    return each.pool == &pool && each.use != Use::active_upload;
                });
    }

    void of_backend(const Pool& pool, const Backend& backend) {
        const auto add_one = [&](const std::string& key, std::string reason, std::string cure) {
            add({.key = key,
                 .reason = std::move(reason),
                 .cure = std::move(cure),
                 .where = fmt::format(" to server \"{}\"", backend.name)},
                [&](const Transfers& each) { return each.backend == &backend; });
        };
        if (backend.bandwidth != 0)
            add_one(key_of(backend.where, "bandwidth"), "the kernel knows no limit of bandwidth",
                    "remove the limit");
        if (has_tls(listener_, backend) && backend.tls.data == BackendDataTls::always) {
            const auto own = key_of(backend.where, "tls.data");
            add_one(places_.is_said(own) ? own : key_of(pool.where, "tls.data"),
                    "the server's data are always under TLS, which only Ballast can speak",
                    "use data = \"as-client\" or \"never\"");
        }
        const auto ip = base::Ip::parse(backend.host);
        if (ip && (ip->is_loopback() || ip->scope() != 0))
            add_one(key_of(backend.where, "address"),
                    "packets to a loopback or link-local address are not forwarded",
                    "name an address that can be routed");
    }

    /// A name may have addresses of both families.
    void of_families(const Pool& pool) {
        for (const auto family : families()) {
            std::vector<const Backend*> others;
            for (const auto& backend : pool.backends) {
                const auto ip = base::Ip::parse(backend.host);
                if (ip && ip->family() != family) others.push_back(&backend);
            }
            if (others.empty()) continue;
            const bool are_all =
                others.size() == pool.backends.size() && pool.backends_file.empty();
            add({.key = key_of(others.front()->where, "address"),
                 .reason = "the kernel does not translate between IPv4 and IPv6",
                 .cure = fmt::format("give the pool servers with {} addresses", name_of(family)),
                 .kind = family == base::Family::ipv4 ? "IPv4 " : "IPv6 ",
                 .where = are_all ? to(pool) : fmt::format(" to {}", names_of(others)),
                 .is_lesser = true},
                [&](const Transfers& each) {
                    return each.client == family &&
                           std::ranges::find(others, each.backend) != others.end();
                });
        }
    }

    void of_active(const Pool& pool) {
        const auto keeps = [&](const Transfers& each) {
            return each.pool == &pool && each.use != Use::passive;
        };
        constexpr std::string_view kind = "PORT or EPRT ";
        if (!is_exact(pool.data_peer))
            add({.key = key_of(pool.where, "data_peer"),
                 .reason = "a rule of the kernel is for one address",
                 .cure = "use data_peer = \"exact\"",
                 .kind = kind,
                 .where = to(pool),
                 .is_lesser = true},
                keeps);
        if (!pool.data_ports)
            add({.key = key_of(pool.where, "data_ports"),
                 .reason = "the pool has no data_ports to tell the servers",
                 .cure = "add some, such as data_ports = \"30000-30099\"",
                 .kind = kind,
                 .where = to(pool),
                 .is_lesser = true},
                keeps);
    }

    const Config& config_;
    const Listener& listener_;
    const Places& places_;
    std::vector<Transfers> transfers_;
    std::vector<Problem> problems_;
    std::set<std::string> whole_;
};

}  // namespace

void check_kernel_path(const Config& config, const Places& places, std::vector<Problem>& problems) {
    for (const auto& listener : config.listeners) {
        if (listener.data_path != Carrier::kernel) continue;
        ListenerCheck check(config, listener, places);
        auto found = check.run();
        for (auto& problem : found)
            if (!check.carries_nothing() || (check.has_whole() && !check.is_whole(problem)))
                problem.severity = Severity::warning;
        std::ranges::move(found, std::back_inserter(problems));
    }
}

std::vector<Problem> limits_of_kernel_path(const Config& config) {
    std::vector<Problem> limits;
    for (const auto& listener : config.listeners)
        if (listener.data_path == Carrier::automatic)
            std::ranges::move(ListenerCheck(config, listener, config.places).run(),
                              std::back_inserter(limits));
    sort_by_place(limits);
    return limits;
}

}  // namespace ballast::config
