// SPDX-License-Identifier: Apache-2.0
#include "cluster/tickets.h"

#include "base/wiped_string.h"
#include "cluster/fields.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <strings.h>
#include <utility>

namespace ballast::cluster {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// The one that encrypts, and the one before it.
constexpr std::size_t keys_max = 2;
/// How long the store keeps keys that nobody replaces, in their lifetimes: all nodes may be away
/// for a while.
constexpr int lifetimes_kept = 4;
/// By then all nodes have heard of a new key.
constexpr int beats_before_use = 2;

void add(Fields& to, const net::TicketKey& key) {
    auto bytes = key.bytes();
    base::WipedString text;
    text.resize(bytes.size());
    std::memcpy(text.data(), bytes.data(), bytes.size());
    ::explicit_bzero(bytes.data(), bytes.size());
    to.add("key", text);
}

std::vector<net::TicketKey> keys_from(std::string_view value) {
    std::vector<net::TicketKey> keys;
    const auto fields = Fields::parse(value);
    if (!fields) return keys;
    for (const auto text : fields->all("key")) {
        if (text.size() != net::TicketKey::bytes_count || keys.size() == keys_max) continue;
        std::array<unsigned char, net::TicketKey::bytes_count> bytes{};
        std::memcpy(bytes.data(), text.data(), bytes.size());
        keys.push_back(net::TicketKey::of(bytes));
        ::explicit_bzero(bytes.data(), bytes.size());
    }
    return keys;
}

}  // namespace

void Tickets::set_listeners(std::vector<Listener> listeners) {
    auto former = std::exchange(listeners_, {});
    for (auto& each : listeners) {
        const auto lifetime = each.keys->lifetime();
        if (!lifetime) continue;
        auto& served = listeners_[each.name];
        served.served_since = exchange_.loop().now();
        if (const auto known = former.find(each.name);
            known != former.end() && known->second.keys == each.keys)
            served = std::move(known->second);
        served.keys = std::move(each.keys);
        served.lifetime = duration_cast<milliseconds>(*lifetime);
        served.key = exchange_.key_of("tickets\n" + each.name);
    }
}

void Tickets::learn(const Entry& entry) {
    for (auto& [name, served] : listeners_) {
        if (served.key != entry.key) continue;
        if (latest().learn(entry, lifetimes_kept * served.lifetime))
            use(served, latest().items().at(entry.key));
        return;
    }
}

void Tickets::beat() {
    latest().tidy();
    for (auto& [name, served] : listeners_) {
        auto item = latest().items().find(served.key);
        const auto age = age_of(served, item);
        const bool is_over = item == latest().items().end() || age >= served.lifetime;
        // The node with the office may not have this listener.
        const auto patience =
            item == latest().items().end() ? served.lifetime / 2 : served.lifetime * 3 / 2;
        if (is_over && (exchange_.has_office() || age >= patience)) {
            replace(served);
            item = latest().items().find(served.key);
        }
        if (item == latest().items().end()) continue;
        const bool is_due = exchange_.loop().now() >= served.use_again_at;
        if (item->second.stamp != served.used || is_due) use(served, item->second);
    }
}

/// Of its keys, or how long it has had none. The store's clock may have gone back since they were
/// made.
milliseconds Tickets::age_of(const Served& served,
                             std::map<std::string, Latest::Item>::const_iterator item) const {
    const auto now = exchange_.loop().now();
    if (item == latest().items().end())
        return duration_cast<milliseconds>(now - served.served_since);
    return std::max(exchange_.clock().now() - item->second.stamp.at,
                    duration_cast<milliseconds>(now - item->second.known_since));
}

void Tickets::replace(const Served& served) {
    Fields fields;
    const auto known = latest().items().find(served.key);
    const auto former = known == latest().items().end() ? std::vector<net::TicketKey>()
                                                        : keys_from(known->second.value);
    if (former.empty()) {
        // Its own: there are tickets of it already.
        add(fields, served.keys->current(exchange_.loop().now()));
    } else {
        add(fields, net::TicketKey::random());
        add(fields, former.front());
    }
    latest().set(served.key, fields.bytes(), lifetimes_kept * served.lifetime);
}

void Tickets::use(Served& served, const Latest::Item& item) {
    auto keys = keys_from(item.value);
    if (keys.empty()) return;
    const auto now = exchange_.loop().now();
    const auto encrypts_at = item.known_since + beats_before_use * exchange_.heartbeat();
    const bool waits = keys.size() > 1 && now < encrypts_at;
    if (waits) std::swap(keys[0], keys[1]);
    served.keys->use(std::move(keys), now);
    served.used = item.stamp;
    served.use_again_at = waits ? encrypts_at : now + served.lifetime / 4;
}

}  // namespace ballast::cluster
