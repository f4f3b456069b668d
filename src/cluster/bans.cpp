// SPDX-License-Identifier: Apache-2.0
#include "cluster/bans.h"

#include "base/address.h"
#include "base/log.h"
#include "cluster/fields.h"
#include "guard/limit.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <optional>

namespace ballast::cluster {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// That a ban was lifted is known for longer than the ban would have lasted, and at least so long.
constexpr milliseconds lifted_for = std::chrono::hours(24);
/// No ban lasts longer, whatever the store says.
constexpr milliseconds left_max = std::chrono::years(1);

}  // namespace

/// How long the ban lasts is said from its stamp on: so it does not matter whether the store's
/// clock was known when it began.
void Bans::decided(const guard::Sharing::Ban& ban) {
    // Another node may have lifted it, or started another one, before it could be told.
    if (!is_still_so(ban)) return;
    // Failures that are told later than the ban could begin it once more, after it was lifted.
    failures_.forget(ban.client, ban.user);
    const auto key =
        exchange_.key_of(fmt::format("ban\n{}\n{}\n{}", ban.client, ban.pool, ban.user));
    const auto now = exchange_.loop().now();
    Fields fields;
    fields.add("client", ban.client);
    fields.add("pool", ban.pool);
    fields.add("user", ban.user);
    auto lifetime = lifted_for;
    if (ban.until) {
        lifetime = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*ban.until - now));
        fields.add("left", lifetime.count());
    } else if (const auto known = latest().items().find(key); known != latest().items().end()) {
        lifetime = std::max(lifetime, duration_cast<milliseconds>(known->second.until - now));
    }
    latest().set(key, fields.bytes(), lifetime);
}

void Bans::learn(const Entry& entry) {
    const auto fields = Fields::parse(entry.value);
    if (!fields) return;
    std::optional<loop::Time> until;
    auto lifetime = lifted_for;
    if (!fields->text("left").empty()) {
        const auto left = fields->number<milliseconds::rep>("left");
        if (!left || *left < 0 || milliseconds(*left) > left_max) return;
        // If the store's clock has gone back, the ban begins later than now by it.
        lifetime = std::min(entry.stamp.at + milliseconds(*left) - exchange_.clock().now(),
                            milliseconds(*left));
        if (lifetime <= milliseconds(0)) return;
        until = exchange_.loop().after(lifetime);
    }
    if (!latest().learn(entry, lifetime)) return;
    const guard::Sharing::Ban ban{.client = std::string(fields->text("client")),
                                  .pool = std::string(fields->text("pool")),
                                  .user = std::string(fields->text("user")),
                                  .until = until};
    if (!until) failures_.forget(ban.client, ban.user);
    if (until && entry.stamp.node != exchange_.node())
        log::info("banned at another node, and so here",
                  {{"client", ban.client},
                   {"name", ban.user},
                   {"node", entry.stamp.node},
                   {"seconds", std::int64_t{duration_cast<seconds>(lifetime).count()}}});
    ledger_.follow(ban, exchange_.loop().now());
}

/// What the ledger says by now. Of a user at an address that is banned itself it says nothing.
bool Bans::is_still_so(const guard::Sharing::Ban& ban) const {
    const auto ip = base::Ip::parse(ban.client);
    if (!ip) return true;
    const auto found = ledger_.ban_of({ban.pool, ban.user}, *ip, exchange_.loop().now());
    if (found == guard::Limit::banned_address && !ban.user.empty()) return true;
    return found.has_value() == ban.until.has_value();
}

}  // namespace ballast::cluster
