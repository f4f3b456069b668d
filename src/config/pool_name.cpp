// SPDX-License-Identifier: Apache-2.0
#include "config/pool_name.h"

#include "config/spelling.h"

#include <fmt/format.h>
#include <string_view>
#include <vector>

namespace ballast::config {

void check_pool_name(const Config& config, const std::string& key, const std::string& name,
                     Findings findings) {
    if (name.empty() || config.find_pool(name) != nullptr) return;
    // The pools of the file, including refused ones.
    std::vector<std::string_view> names;
    names.reserve(config.pools.size());
    for (const auto& pool : config.pools) names.push_back(pool.name);
    auto fix = names.empty() ? "add " : "use " + listed(names) + ", or add ";
    fix += fmt::format("[pool.{}]", name);
    if (const auto near = nearest(name, names)) fix += fmt::format("; did you mean {}?", *near);
    findings.add(key, fmt::format("there is no pool {}", in_quotes(name)), std::move(fix));
}

}  // namespace ballast::config
