// SPDX-License-Identifier: Apache-2.0
#include "cluster/latest.h"

#include <utility>

namespace ballast::cluster {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// A store that makes up entries does not fill our memory.
constexpr std::size_t items_max = 1'000'000;

}  // namespace

void Latest::set(const std::string& key, std::string value, milliseconds lifetime) {
    auto& item = items_[key];
    item = {.stamp = exchange_.stamp(item.stamp),
            .value = std::move(value),
            .until = exchange_.loop().after(lifetime),
            .known_since = exchange_.loop().now()};
    due_.insert(key);
}

bool Latest::learn(const Entry& entry, milliseconds lifetime) {
    const auto known = items_.find(entry.key);
    if (known == items_.end() && items_.size() >= items_max) return false;
    if (known != items_.end() && entry.stamp <= known->second.stamp) {
        if (entry.stamp == known->second.stamp) {
            // The store has it: this node need not tell it.
            due_.erase(entry.key);
            known->second.seen = round_;
        } else {
            due_.insert(entry.key);  // the store has an older one
        }
        return false;
    }
    items_[entry.key] = {.stamp = entry.stamp,
                         .value = entry.value,
                         .until = exchange_.loop().after(lifetime),
                         .known_since = exchange_.loop().now(),
                         .seen = round_};
    due_.erase(entry.key);
    return true;
}

std::vector<News> Latest::take(std::size_t max) {
    std::vector<News> due;
    const auto now = exchange_.loop().now();
    while (!due_.empty() && due.size() < max) {
        const auto key = std::move(due_.extract(due_.begin()).value());
        const auto known = items_.find(key);
        if (known == items_.end() || known->second.until <= now) continue;
        const auto& item = known->second;
        due.emplace_back(Entry{.table = table_,
                               .key = key,
                               .stamp = item.stamp,
                               .value = item.value,
                               .lifetime = duration_cast<milliseconds>(item.until - now)});
    }
    return due;
}

void Latest::repeat() {
    for (const auto& [key, item] : items_) due_.insert(key);
}

void Latest::loaded() {
    for (const auto& [key, item] : items_)
        if (item.seen != round_) due_.insert(key);
}

void Latest::shift(milliseconds by) {
    for (auto& [key, item] : items_) item.stamp.at += by;
}

void Latest::tidy() {
    const auto now = exchange_.loop().now();
    std::erase_if(items_, [&](const auto& each) { return each.second.until <= now; });
}

}  // namespace ballast::cluster
