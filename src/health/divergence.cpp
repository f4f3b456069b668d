// SPDX-License-Identifier: Apache-2.0
#include "health/divergence.h"

#include "base/log.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::health {

namespace {

std::string text_of(const std::string& backend, const CanaryFacts& facts) {
    return fmt::format("{} has size {} and time {}", backend,
                       facts.size.empty() ? "unknown" : facts.size,
                       facts.time.empty() ? "unknown" : facts.time);
}

/// A fact that one backend does not report is not a difference.
bool differ(const CanaryFacts& a, const CanaryFacts& b) {
    const auto is_other = [](const std::string& x, const std::string& y) {
        return !x.empty() && !y.empty() && x != y;
    };
    return is_other(a.size, b.size) || is_other(a.time, b.time);
}

}  // namespace

void Divergence::note(const pool::Pool& pool, const std::string& backend,
                      const CanaryFacts& facts) {
    auto& seen = pools_[pool.name()];
    seen.facts[backend] = facts;
    const auto present = pool.status();
    std::erase_if(seen.facts, [&](const auto& each) {
        return std::ranges::none_of(
            present, [&](const auto& status) { return status.backend.name == each.first; });
    });
    std::string picture;
    for (const auto& [other, others] : seen.facts)
        if (differ(facts, others))
            picture = text_of(backend, facts) + ", " + text_of(other, others);
    // This one may agree with both because it has no facts, while the other two differ.
    for (const auto& [a, of_a] : seen.facts)
        for (const auto& [b, of_b] : seen.facts)
            if (picture.empty() && differ(of_a, of_b))
                picture = text_of(a, of_a) + ", " + text_of(b, of_b);
    const bool was_said = !seen.said.empty();
    const auto file = pool.settings()->probe.canary;
    const auto facts_of_all = [&] {
        std::string all;
        for (const auto& [name, of] : seen.facts) all += text_of(name, of) + ';';
        return all;
    };
    if (picture.empty()) {
        seen.said.clear();
        if (was_said)
            log::info("backends agree on the canary again",
                      {{"pool", pool.name()}, {"file", file}});
        return;
    }
    auto all = facts_of_all();
    if (all == seen.said) return;
    seen.said = std::move(all);
    log::warning("backends of one pool have different canaries: they do not serve the same files",
                 {{"pool", pool.name()}, {"file", file}, {"found", picture}});
}

}  // namespace ballast::health
