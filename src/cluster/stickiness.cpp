// SPDX-License-Identifier: Apache-2.0
#include "cluster/stickiness.h"

#include "base/address.h"
#include "cluster/fields.h"

#include <algorithm>
#include <fmt/format.h>
#include <span>

namespace ballast::cluster {

using std::chrono::milliseconds;

Entry Stickiness::entry_of(const std::string& pool, milliseconds timeout,
                           const pool::Pool::Stuck& stuck) const {
    Fields fields;
    fields.add("pool", pool);
    // As a signed number, which every reader knows.
    fields.add("key", static_cast<std::int64_t>(stuck.key));
    fields.add("who", stuck.who);
    if (stuck.is_user) fields.add("user", 1);
    if (stuck.is_gone) {
        fields.add("gone", 1);
    } else {
        fields.add("backend", stuck.backend);
        fields.add("address", base::to_string(stuck.address));
    }
    return {.table = std::string(name()),
            .key = exchange_.key_of(fmt::format("stick\n{}\n{}", pool, stuck.key)),
            .stamp = {.at = exchange_.clock().now() - stuck.age, .node = exchange_.node()},
            .value = fields.bytes(),
            .lifetime = std::max(milliseconds(1), timeout - stuck.age)};
}

void Stickiness::learn(const Entry& entry) {
    const auto fields = Fields::parse(entry.value);
    const auto key = fields ? fields->number<std::int64_t>("key") : std::nullopt;
    if (!key) return;
    const auto pool = pools_.find(fields->text("pool"));
    if (pool == pools_.end()) return;
    const bool is_gone = !fields->text("gone").empty();
    const auto address = base::Address::parse(fields->text("address"));
    if (!is_gone && !address) return;
    const pool::Pool::Stuck stuck{
        .key = static_cast<std::uint64_t>(*key),
        .who = std::string(fields->text("who")),
        .is_user = !fields->text("user").empty(),
        .backend = std::string(fields->text("backend")),
        .address = address.value_or(base::Address()),
        .age = std::max(milliseconds(0), exchange_.clock().now() - entry.stamp.at),
        .is_gone = is_gone};
    pool->second->learn(std::span(&stuck, 1));
}

std::vector<News> Stickiness::take(std::size_t max) {
    std::vector<News> due;
    for (const auto& [name, pool] : pools_) {
        if (due.size() >= max) break;
        const auto timeout = pool->settings()->stick.timeout;
        for (const auto& each : pool->take_stuck(max - due.size()))
            due.emplace_back(entry_of(name, timeout, each));
    }
    return due;
}

void Stickiness::repeat() {
    for (const auto& [name, pool] : pools_) pool->share(true);
}

}  // namespace ballast::cluster
