// SPDX-License-Identifier: Apache-2.0
#include "base/log_repeats.h"

#include <utility>

namespace ballast::log {

namespace {

constexpr auto window = std::chrono::seconds(1);
/// There are far fewer kinds of lines. The bound matters if a peer's text ever becomes part of one.
constexpr std::size_t kinds_max = 1024;

}  // namespace

std::optional<std::uint64_t> Repeats::admit(std::string_view kind, std::uint32_t per_second,
                                            Time now) {
    if (per_second == 0) return 0;
    auto found = kinds_.find(kind);
    if (found == kinds_.end()) {
        if (kinds_.size() >= kinds_max)
            std::erase_if(kinds_, [&](const auto& each) {
                return each.second.left_out == 0 && now - each.second.since >= window;
            });
        if (kinds_.size() >= kinds_max) kind = "others";
        found = kinds_.try_emplace(std::string(kind), Kind{.since = now}).first;
    }
    auto& entry = found->second;
    if (now - entry.since >= window) {
        entry.since = now;
        entry.written = 0;
    }
    if (entry.written >= per_second) {
        ++entry.left_out;
        return std::nullopt;
    }
    ++entry.written;
    return std::exchange(entry.left_out, 0);
}

std::vector<Repeats::LeftOut> Repeats::take_left_out(Time until) {
    std::vector<LeftOut> result;
    for (auto& [kind, entry] : kinds_)
        if (entry.left_out > 0 && entry.since <= until - window)
            result.push_back({kind, std::exchange(entry.left_out, 0)});
    return result;
}

}  // namespace ballast::log
