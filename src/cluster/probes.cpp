// SPDX-License-Identifier: Apache-2.0
#include "cluster/probes.h"

#include "cluster/fields.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ballast::cluster {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

/// Older ones say nothing any more.
constexpr std::size_t due_max = 10'000;
/// A pool that nobody is heard of for so many of its intervals is probed here.
constexpr int intervals_of_silence = 3;

}  // namespace

void Probes::probed(const ProbeOutcome& outcome) {
    if (!parts_.take || !exchange_.has_office()) return;
    Fields fields;
    fields.add("pool", outcome.pool);
    fields.add("backend", outcome.backend);
    fields.add("address", base::to_string(outcome.address));
    fields.add("problem", outcome.problem);
    fields.add("took", duration_cast<microseconds>(outcome.took).count());
    if (due_.size() >= due_max) due_.pop_front();
    due_.push_back(fields.bytes());
}

std::vector<News> Probes::take(std::size_t max) {
    std::vector<News> news;
    for (; !due_.empty() && news.size() < max; due_.pop_front())
        news.emplace_back(Message{.node = exchange_.node(),
                                  .kind = std::string(name()),
                                  .body = std::move(due_.front())});
    return news;
}

void Probes::hear(const Message& message) {
    const auto fields = Fields::parse(message.body);
    if (!fields || !parts_.take) return;
    const auto pool = pools_.find(fields->text("pool"));
    const auto address = base::Address::parse(fields->text("address"));
    if (pool == pools_.end() || !address) return;
    heard_at_[pool->first] = exchange_.loop().now();
    const auto took = fields->number<std::uint32_t>("took").value_or(0);
    parts_.take({.pool = pool->first,
                 .backend = std::string(fields->text("backend")),
                 .address = *address,
                 .problem = std::string(fields->text("problem")),
                 .took = microseconds(took)});
}

bool Probes::is_heard(const std::string& pool) const {
    const auto heard = heard_at_.find(pool);
    if (heard == heard_at_.end()) return false;
    const auto& probe = pools_.at(pool)->settings()->probe;
    const loop::Time::duration patience = intervals_of_silence * (probe.interval + probe.timeout) +
                                          intervals_of_silence * exchange_.heartbeat();
    return exchange_.loop().now() - heard->second <= patience;
}

void Probes::look() {
    if (!parts_.set_silent) return;
    std::erase_if(heard_at_, [&](const auto& each) { return !pools_.contains(each.first); });
    std::erase_if(is_silent_, [&](const auto& each) { return !pools_.contains(each.first); });
    for (const auto& [name, pool] : pools_) {
        const bool wanted =
            exchange_.state().is_reachable && !exchange_.has_office() && is_heard(name);
        auto& is_silent = is_silent_[name];
        if (std::exchange(is_silent, wanted) != wanted) parts_.set_silent(name, wanted);
    }
}

}  // namespace ballast::cluster
