// SPDX-License-Identifier: Apache-2.0
#include "migrate/draft.h"

#include "base/number.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ballast::migrate {

void Settings::set(std::string_view key, Value value, std::string why) {
    Setting setting{std::string(key), std::move(value), std::move(why)};
    const auto found = std::ranges::find(all_, key, &Setting::key);
    if (found == all_.end())
        all_.push_back(std::move(setting));
    else
        *found = std::move(setting);
}

bool Settings::set_bound(std::string_view key, std::uint64_t bound, std::string why) {
    const auto* const known = find(key);
    const auto before =
        known == nullptr ? std::nullopt : base::parse_number<std::uint64_t>(known->value.toml());
    if (!before || bound < *before) set(key, Value::number(bound), std::move(why));
    return !before || bound == *before;
}

void Settings::remove(std::string_view key) {
    std::erase_if(all_, [&](const Setting& setting) { return setting.key == key; });
}

const Setting* Settings::find(std::string_view key) const {
    const auto found = std::ranges::find(all_, key, &Setting::key);
    return found == all_.end() ? nullptr : &*found;
}

DraftPool* Draft::find_pool(std::string_view name) {
    const auto found = std::ranges::find(pools, name, &DraftPool::name);
    return found == pools.end() ? nullptr : &*found;
}

}  // namespace ballast::migrate
