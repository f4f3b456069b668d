// SPDX-License-Identifier: Apache-2.0
#include "config/check_failover.h"

#include "base/address.h"
#include "config/amount.h"
#include "config/settings.h"
#include "config/words.h"

#include <chrono>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::config {

namespace {

/// How long lftp waits for a reply (net:timeout).
constexpr Duration patience = std::chrono::minutes(5);

/// The failover without which a setting has no effect.
Failover needed_by(std::string_view key) {
    if (key == "failover_samples" || key == "failover_trust") return Failover::transfer;
    if (key.starts_with("failover_") || key == "rebalance") return Failover::session;
    return Failover::off;
}

class FailoverCheck {
public:
    FailoverCheck(const Pool& pool, Findings findings) : pool_(pool), findings_(findings) {}

    void run() {
        if (!holds("failover")) return;
        without_effect();
        if (pool_.failover == Failover::off) return;
        only_one();
        if (pool_.failover_timeout > patience)
            warn("failover_timeout",
                 fmt::format("{} is longer than most clients wait for a reply",
                             duration_text(pool_.failover_timeout)),
                 fmt::format("use \"{}\" at most", duration_text(patience)));
        rebalancing();
        sticking();
    }

private:
    [[nodiscard]] std::string key(std::string_view name) const {
        return fmt::format("{}.{}", pool_.where.key, name);
    }
    [[nodiscard]] bool holds(std::string_view name) const { return findings_.holds(key(name)); }
    void warn(std::string_view name, std::string what, std::string fix) {
        findings_.warn(key(name), std::move(what), std::move(fix));
    }

    void without_effect() {
        const ConstRecord values(pool_);
        const auto& section = section_of(values);
        for (const auto& setting : section.settings) {
            const auto least = needed_by(setting.key);
            const bool is_default =
                shown(setting.kind, values) == shown(setting.kind, section.defaults());
            if (is_default || pool_.failover >= least) continue;
            warn(setting.key,
                 fmt::format("{} has no effect while failover is \"{}\"", setting.key,
                             word_of(failovers, pool_.failover)),
                 fmt::format("use failover = {}\"transfer\", or remove {}",
                             least == Failover::session ? "\"session\" or " : "", setting.key));
        }
    }

    /// A name may lead to several addresses, and a watched file may add backends.
    void only_one() {
        const auto& backends = pool_.backends;
        if (backends.size() != 1 || !pool_.backends_file.empty() || !holds("backends_file") ||
            !holds("backend") || !base::Ip::parse(backends.front().host))
            return;
        warn("failover",
             fmt::format("{} is the only backend of the pool, so failover can only wait until it "
                         "comes back",
                         backends.front().name),
             "add a backend that has the same files");
    }

    void rebalancing() {
        const auto& policy = *pool_.balance;
        if (pool_.rebalance > 0 && holds("balance") &&
            policy.decided_by != balance::DecidedBy::load)
            warn("rebalance",
                 fmt::format("rebalance has no effect with balance = \"{}\", which says where "
                             "sessions belong",
                             policy.name),
                 "use a balance that goes by load, such as \"least-transfers\", or remove "
                 "rebalance");
    }

    void sticking() {
        if (!holds("stick") || !holds("stick.by") || pool_.stick.by == StickBy::none) return;
        if (pool_.rebalance > 0)
            warn("rebalance", "rebalance does not move sessions that stick to their backend",
                 "remove rebalance, or stick");
        if (pool_.stick.otherwise == StickOtherwise::refuse)
            warn("failover",
                 "stick.otherwise is \"refuse\", so failover can only wait until a client's own "
                 "backend comes back",
                 "use stick.otherwise = \"choose\", or failover = \"off\"");
    }

    const Pool& pool_;
    Findings findings_;
};

}  // namespace

void check_failover(const Pool& pool, Findings findings) { FailoverCheck(pool, findings).run(); }

}  // namespace ballast::config
