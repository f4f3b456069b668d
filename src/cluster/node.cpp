// SPDX-License-Identifier: Apache-2.0
#include "cluster/node.h"

#include <algorithm>
#include <cstddef>

namespace ballast::cluster {

namespace {

using std::chrono::milliseconds;

/// Of one node. More are a lie.
constexpr std::size_t loads_max = 100'000;

std::string bytes_of(const BackendLoad& load) {
    Fields fields;
    fields.add("pool", load.pool);
    fields.add("backend", load.backend);
    fields.add("address", load.address);
    fields.add("sessions", load.sessions);
    fields.add("transfers", load.transfers);
    return fields.bytes();
}

BackendLoad load_from(const Fields& fields) {
    return {.pool = std::string(fields.text("pool")),
            .backend = std::string(fields.text("backend")),
            .address = std::string(fields.text("address")),
            .sessions = fields.number<std::uint32_t>("sessions").value_or(0),
            .transfers = fields.number<std::uint32_t>("transfers").value_or(0)};
}

milliseconds time_from(const Fields& fields, std::string_view name, milliseconds otherwise) {
    constexpr auto most = std::chrono::duration_cast<milliseconds>(std::chrono::years(100));
    const auto number = fields.number<milliseconds::rep>(name);
    return number ? std::clamp(milliseconds(*number), milliseconds(0), most) : otherwise;
}

}  // namespace

std::string bytes_of(const NodeFacts& facts) {
    Fields fields;
    fields.add("version", facts.version);
    fields.add("state", facts.state);
    fields.add("address", facts.address);
    fields.add("passive_ports", facts.passive_ports);
    // As a signed number, which every reader knows.
    fields.add("instance", static_cast<std::int64_t>(facts.instance));
    fields.add("uptime", facts.uptime.count());
    fields.add("heartbeat", facts.heartbeat.count());
    fields.add("sessions", facts.sessions);
    fields.add("transfers", facts.transfers);
    for (const auto& each : facts.loads) fields.add("load", bytes_of(each));
    if (facts.is_leaving) fields.add("leaving", 1);
    return fields.bytes();
}

std::optional<NodeFacts> facts_from(std::string_view bytes) {
    const auto fields = Fields::parse(bytes);
    if (!fields) return std::nullopt;
    const auto instance = fields->number<std::int64_t>("instance").value_or(0);
    NodeFacts facts{
        .version = std::string(fields->text("version")),
        .state = std::string(fields->text("state")),
        .address = std::string(fields->text("address")),
        .passive_ports = std::string(fields->text("passive_ports")),
        .instance = static_cast<std::uint64_t>(instance),
        .uptime = time_from(*fields, "uptime", milliseconds(0)),
        .heartbeat = time_from(*fields, "heartbeat", std::chrono::seconds(1)),
        .sessions = fields->number<std::uint32_t>("sessions").value_or(0),
        .transfers = fields->number<std::uint32_t>("transfers").value_or(0),
        .loads = {},
        .is_leaving = !fields->text("leaving").empty(),
    };
    for (const auto& each : fields->all("load")) {
        const auto load = Fields::parse(each);
        if (!load || facts.loads.size() >= loads_max) return std::nullopt;
        facts.loads.push_back(load_from(*load));
    }
    return facts;
}

}  // namespace ballast::cluster
