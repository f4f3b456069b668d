// SPDX-License-Identifier: Apache-2.0
#include "cluster/states.h"

#include "cluster/fields.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::cluster {

namespace {

/// Decisions survive a restart of all nodes, but not forever the backend that they are about.
constexpr auto lifetime =
    std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::years(1));

void add_limit(Fields& fields, std::string_view name, std::optional<std::uint32_t> value) {
    if (value) fields.add(name, *value);
}

std::string bytes_of(const Decision& decision) {
    Fields fields;
    fields.add("pool", decision.pool);
    fields.add("backend", decision.backend);
    if (decision.state) fields.add("state", pool::to_string(*decision.state));
    if (decision.tuning) {
        fields.add("tuning", "");
        add_limit(fields, "weight", decision.tuning->weight);
        add_limit(fields, "max_sessions", decision.tuning->max_sessions);
    }
    return fields.bytes();
}

std::optional<Decision> decision_from(const Latest::Item& item) {
    const auto fields = Fields::parse(item.value);
    if (!fields) return std::nullopt;
    Decision decision{.pool = std::string(fields->text("pool")),
                      .backend = std::string(fields->text("backend")),
                      .state = pool::admin_state_from(fields->text("state")),
                      .tuning = {},
                      .node = item.stamp.node};
    if (!fields->all("tuning").empty())
        decision.tuning = {.weight = fields->number<std::uint32_t>("weight"),
                           .max_sessions = fields->number<std::uint32_t>("max_sessions")};
    return decision;
}

}  // namespace

States::States(Exchange& exchange, Obey obey)
    : LatestTopic(exchange, "states"), exchange_(exchange), obey_(std::move(obey)) {}

/// A state and a tuning are decided apart from each other: neither replaces the other.
void States::decided(const Decision& decision) {
    const auto key = exchange_.key_of(fmt::format("{}\n{}\n{}", decision.state ? "state" : "tuning",
                                                  decision.pool, decision.backend));
    latest().set(key, bytes_of(decision), lifetime);
    waiting_.erase(key);
    exchange_.hurry();
}

void States::learn(const Entry& entry) {
    if (!latest().learn(entry, lifetime)) return;
    waiting_.insert(entry.key);
    obey_what_waits();
}

void States::beat() {
    latest().tidy();
    obey_what_waits();
}

void States::backends_changed() {
    for (const auto& [key, item] : latest().items()) waiting_.insert(key);
    obey_what_waits();
}

void States::obey_what_waits() {
    for (const auto& key : std::exchange(waiting_, {})) {
        const auto item = latest().items().find(key);
        if (item == latest().items().end()) continue;
        const auto decision = decision_from(item->second);
        // A newer version may decide what we do not know.
        if (!decision || (!decision->state && !decision->tuning)) continue;
        if (!obey_(*decision)) waiting_.insert(key);
    }
}

}  // namespace ballast::cluster
