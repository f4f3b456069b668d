// SPDX-License-Identifier: Apache-2.0
#include "config/check_pool.h"

#include "config/amount.h"
#include "config/check_probe.h"
#include "config/destination.h"
#include "config/spelling.h"
#include "config/words.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::config {

namespace {

bool has_no_limit(const Backend& backend) { return backend.max_sessions == 0; }

class PoolCheck {
public:
    PoolCheck(const Pool& pool, Findings findings) : pool_(pool), findings_(findings) {}

    void run() {
        if (pool_.backends.empty() && pool_.backends_file.empty() && holds("backend") &&
            holds("backends_file"))
            findings_.add(
                pool_.where.key, "the pool has no backend",
                fmt::format("add a [[{}.backend]] table with name and address", pool_.where.key));
        if (pool_.reply_bytes_max < pool_.reply_line_bytes_max && holds("reply_bytes_max") &&
            holds("reply_line_bytes_max"))
            add("reply_bytes_max", "reply_bytes_max is less than reply_line_bytes_max",
                fmt::format("use at least \"{}\"", size_text(pool_.reply_line_bytes_max)));
        if (pool_.may_be_empty && pool_.backends_file.empty() && holds("backends_file"))
            add("may_be_empty", "may_be_empty has no effect without backends_file",
                "add backends_file, or remove may_be_empty");
        hash_load();
        limits();
        backups();
        weights();
        data_ports();
        warm();
        check_backends(pool_.backends, {}, findings_);
        check_probe(pool_, findings_);
    }

private:
    [[nodiscard]] std::string key(std::string_view name) const {
        return fmt::format("{}.{}", pool_.where.key, name);
    }
    [[nodiscard]] bool holds(std::string_view name) const { return findings_.holds(key(name)); }
    void add(std::string_view name, std::string what, std::string fix) {
        findings_.add(key(name), std::move(what), std::move(fix));
    }

    /// A connection that was made before its client came has nothing of that client.
    void warm() {
        if (pool_.warm == 0 || !holds("warm")) return;
        if (pool_.send_proxy != ProxyHeader::off && holds("send_proxy"))
            add("warm", "warm connections cannot begin with a client's PROXY header (send_proxy)",
                "remove warm, or use send_proxy = \"off\"");
        if (pool_.source.kind == Source::Kind::client && holds("source"))
            add("warm", "warm connections cannot come from a client's own address (source)",
                "remove warm, or use another source than \"client\"");
    }

    void hash_load() {
        const auto percent = pool_.hash_load_percent;
        if (percent > 0 && percent <= 100)
            add("hash_load_percent",
                fmt::format("hash_load_percent is {}, which leaves no room for differences",
                            percent),
                "use 101 to 10000, or 0 for no bound");
    }

    /// Settings that make sense only with `max_sessions`.
    void limits() {
        const auto& backends = pool_.backends;
        const auto is_refused = [&](const Backend& backend) {
            return !findings_.holds(backend.where.key + ".max_sessions");
        };
        const bool is_known = pool_.backends_file.empty() && holds("backends_file") &&
                              holds("backend") && std::ranges::none_of(backends, is_refused);
        if (!is_known || backends.empty() || !std::ranges::all_of(backends, has_no_limit)) return;
        if (pool_.queue.length > 0)
            add("queue.length", "nobody ever waits, because no backend has max_sessions",
                "add max_sessions to the backends, or remove queue");
        // With `backup` the operator wants this.
        if (pool_.balance->decided_by == balance::DecidedBy::order &&
            std::ranges::count(backends, false, &Backend::backup) > 1)
            add("balance", "all sessions go to the first backend, because none has max_sessions",
                "add max_sessions to the backends, make the others backup = true, or use another "
                "balance");
    }

    /// A watched file may add other backends, so then nothing can be said.
    void backups() {
        const auto& backends = pool_.backends;
        if (backends.empty() || !pool_.backends_file.empty() || !holds("backends_file") ||
            !holds("backend") || !std::ranges::all_of(backends, &Backend::backup))
            return;
        findings_.warn(backends.front().where.key + ".backup",
                       "all backends of the pool are backup, so none comes before another",
                       "remove backup from those that serve first");
    }

    /// The same.
    void weights() {
        const auto& backends = pool_.backends;
        const auto has_none = [](const Backend& backend) { return backend.weight == 0; };
        if (backends.empty() || !pool_.backends_file.empty() || !holds("backends_file") ||
            !holds("backend") || !std::ranges::all_of(backends, has_none))
            return;
        findings_.warn(backends.front().where.key + ".weight",
                       "all backends of the pool have weight 0, so new sessions are refused",
                       "give a weight to those that serve");
    }

    void data_ports() {
        const auto mode = pool_.backend_data;
        const bool needs_them = mode == BackendData::port || mode == BackendData::eprt ||
                                mode == BackendData::as_client;
        if (needs_them && !pool_.data_ports && holds("data_ports"))
            add("data_ports",
                fmt::format("backend_data \"{}\" needs data_ports",
                            word_of(backend_data_modes, mode)),
                "add the ports that backends connect to, such as data_ports = \"30000-30099\"");
    }

    const Pool& pool_;
    Findings findings_;
};

/// Values that must differ between backends.
class Distinct {
public:
    Distinct(std::string_view noun, std::string_view fix) : noun_(noun), fix_(fix) {}

    void known(const std::string& shown, const Backend& owner) {
        first_.emplace(shown, owner.where.key);
    }
    void add(const std::string& shown, const Backend& owner, Findings findings) {
        const auto [first, is_new] = first_.emplace(shown, owner.where.key);
        if (!is_new)
            findings.add(fmt::format("{}.{}", owner.where.key, noun_),
                         fmt::format("{} is also the {} of {}", shown, noun_, first->second),
                         std::string(fix_));
    }

private:
    std::string_view noun_;
    std::string_view fix_;
    std::map<std::string, std::string> first_;
};

class BackendsCheck {
public:
    explicit BackendsCheck(Findings findings) : findings_(findings) {}

    void run(std::span<const Backend> backends, std::span<const Backend> others) {
        for (const auto& other : others)
            each(other, [&](Distinct& distinct, const std::string& shown) {
                distinct.known(shown, other);
            });
        for (const auto& backend : backends) {
            each(backend, [&](Distinct& distinct, const std::string& shown) {
                distinct.add(shown, backend, findings_);
            });
            destination(backend);
        }
    }

private:
    template <typename Visit>
    void each(const Backend& backend, Visit&& visit) {
        if (!backend.name.empty()) visit(names_, in_quotes(backend.name));
        if (!backend.host.empty())
            visit(addresses_, to_string(Destination{backend.host, backend.port}));
        if (!backend.srv.empty()) visit(srvs_, backend.srv);
    }

    void destination(const Backend& backend) {
        const auto address = backend.where.key + ".address";
        const auto srv = backend.where.key + ".srv";
        if (!findings_.holds(address) || !findings_.holds(srv)) return;
        if (backend.host.empty() && backend.srv.empty())
            findings_.add(address, "address is missing",
                          "add address = \"HOST:PORT\" or \"HOST\", or srv = "
                          "\"_ftp._tcp.example.com\"");
        if (!backend.host.empty() && !backend.srv.empty())
            findings_.add(srv, "the backend has both address and srv", "remove one");
    }

    static constexpr std::string_view remove_one =
        "remove one; to give a server more sessions, raise its weight";

    Findings findings_;
    Distinct names_{"name", "choose another"};
    Distinct addresses_{"address", remove_one};
    Distinct srvs_{"srv", remove_one};
};

}  // namespace

void check_pool(const Pool& pool, Findings findings) { PoolCheck(pool, findings).run(); }

void check_backends(std::span<const Backend> backends, std::span<const Backend> others,
                    Findings findings) {
    BackendsCheck(findings).run(backends, others);
}

}  // namespace ballast::config
