// SPDX-License-Identifier: Apache-2.0
#include "cli/overview.h"

#include "cli/amounts.h"
#include "cli/printable.h"
#include "cli/running_daemon.h"
#include "cli/watch.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cli {

namespace {

using std::string_view;

/// The parts of the overview: where each is, and the list in its reply (empty: all of it).
struct Part {
    string_view path;
    string_view list;
};
constexpr Part parts[] = {
    {"/v1/version", ""},      {"/v1/generations", "generations"},
    {"/v1/state", ""},        {"/v1/listeners", "listeners"},
    {"/v1/pools", "pools"},   {"/v1/backends", "backends"},
    {"/v1/limits", "limits"}, {"/v1/certificates", "certificates"},
    {"/v1/bans", "bans"},     {"/v1/nodes", "nodes"},
};

/// All parts as one object: lists by their names, the others under the last word of their path.
Outcome<json::object> gather(const RunningDaemon& daemon) {
    json::object all;
    for (const auto& part : parts) {
        auto reply = part.list.empty() ? daemon.ask({"GET", std::string(part.path), ""})
                                       : daemon.ask_for_list(std::string(part.path), part.list);
        if (!reply) return reply;
        const auto name =
            part.list.empty() ? part.path.substr(part.path.rfind('/') + 1) : part.list;
        all[name] = part.list.empty() ? json::value(std::move(*reply)) : (*reply)[part.list];
    }
    return all;
}

struct Line {
    string_view subject;
    std::string text;
    Tint tint = Tint::none;
};

/// "a, b, c and 4 more"
std::string some_of(const std::vector<std::string>& all) {
    constexpr std::size_t shown_max = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(all.size(), shown_max); ++i)
        text += (i == 0 ? "" : ", ") + all[i];
    if (all.size() > shown_max) text += fmt::format(" and {} more", all.size() - shown_max);
    return text;
}

Line line_of_state(const json::object& all) {
    const auto& state = object_at(all, "state");
    const auto name = text_at(state, "state");
    return {"state", name == "ready" ? "takes new clients" : name,
            name == "ready" ? Tint::good : Tint::warning};
}

Line line_of_processes(const json::object& all) {
    const auto& generations = list_at(all, "generations");
    std::string text = "ballast " + text_at(object_at(all, "version"), "version");
    if (!generations.empty())
        text += fmt::format(", process {}", number_at(as_object(generations[0]), "pid"));
    if (generations.size() > 1)
        text +=
            fmt::format(", and {} of former programs whose sessions go on", generations.size() - 1);
    return {"serves", text};
}

Line line_of_sessions(const json::object& all) {
    std::uint64_t transfers = 0;
    double rate = 0;
    for (const auto& each : list_at(all, "backends")) {
        transfers += number_at(as_object(each), "transfers");
        rate += amount_at(as_object(each), "bytes_per_second").value_or(0);
    }
    return {"sessions",
            fmt::format("{}, transfers {}, {}", number_at(object_at(all, "state"), "sessions"),
                        transfers, rate_text(rate))};
}

Line line_of_pools(const json::object& all) {
    std::vector<std::string> dead;
    const auto& pools = list_at(all, "pools");
    for (const auto& each : pools)
        if (!flag_at(as_object(each), "can_serve"))
            dead.push_back(text_at(as_object(each), "pool"));
    if (dead.empty()) return {"pools", fmt::format("{}, all can serve", pools.size()), Tint::good};
    return {"pools",
            fmt::format("{} of {} cannot serve: {}", dead.size(), pools.size(), some_of(dead)),
            Tint::bad};
}

Line line_of_backends(const json::object& all) {
    std::vector<std::string> bad;
    const auto& backends = list_at(all, "backends");
    for (const auto& each : backends) {
        const auto& one = as_object(each);
        const auto state = text_at(one, "state");
        const auto health = text_at(one, "health");
        const bool is_well = state == "ready" && health != "down" && !flag_at(one, "ejected");
        if (is_well) continue;
        const auto* const ejected = flag_at(one, "ejected") ? "ejected" : "";
        const auto why = state != "ready" ? state : health == "down" ? health : ejected;
        bad.push_back(fmt::format("{}/{} {}", text_at(one, "pool"), text_at(one, "backend"), why));
    }
    if (bad.empty())
        return {"backends", fmt::format("{}, none is down", backends.size()), Tint::good};
    return {"backends",
            fmt::format("{} of {} do not serve: {}", bad.size(), backends.size(), some_of(bad)),
            Tint::warning};
}

Line line_of_limits(const json::object& all) {
    constexpr double near = 0.8;
    constexpr double percent = 100;
    std::vector<std::string> reached;
    for (const auto& each : list_at(all, "limits")) {
        const auto& one = as_object(each);
        const auto value = amount_at(one, "value").value_or(0);
        const auto in_use = amount_at(one, "in_use").value_or(0);
        if (value > 0 && in_use >= near * value)
            reached.push_back(
                fmt::format("{} {:.0f}%", text_at(one, "key"), in_use / value * percent));
    }
    if (reached.empty()) return {"limits", "none is near", Tint::good};
    return {"limits", "near: " + some_of(reached), Tint::warning};
}

Line line_of_certificates(const json::object& all) {
    constexpr double soon = 14;
    const auto& certificates = list_at(all, "certificates");
    if (certificates.empty()) return {"certificates", "none"};
    const auto days_of = [](const json::value& each) {
        return amount_at(as_object(each), "days_left").value_or(0);
    };
    const auto& first = *std::ranges::min_element(certificates, {}, days_of);
    const auto days = days_of(first);
    const auto file = text_at(as_object(first), "file");
    const auto text = days < 0 ? fmt::format("{} has expired", file)
                               : fmt::format("the first expires in {} days{}", days,
                                             days < soon ? ": " + file : "");
    return {"certificates", text, days < 0 ? Tint::bad : days < soon ? Tint::warning : Tint::good};
}

Line line_of_bans(const json::object& all) {
    const auto count = list_at(all, "bans").size();
    return {"bans", count == 0 ? "none" : fmt::to_string(count)};
}

/// Empty if it shares nothing.
std::optional<Line> line_of_nodes(const json::object& all) {
    const auto& nodes = list_at(all, "nodes");
    const auto store = nodes.empty() ? std::string() : text_at(as_object(nodes[0]), "store");
    if (store.empty() || store == "none") return std::nullopt;
    if (store != "connected")
        return Line{"nodes", "the store does not answer: this node goes on alone", Tint::bad};
    return Line{"nodes", fmt::to_string(nodes.size()), Tint::good};
}

std::string text_of(const json::object& all, const Screen& screen) {
    constexpr std::size_t subject_width = 14;
    std::string text;
    std::vector<Line> lines = {
        line_of_processes(all), line_of_state(all),  line_of_sessions(all),     line_of_pools(all),
        line_of_backends(all),  line_of_limits(all), line_of_certificates(all), line_of_bans(all)};
    if (auto nodes = line_of_nodes(all)) lines.push_back(std::move(*nodes));
    for (const auto& [subject, what, tint] : lines) {
        const auto room = screen.is_terminal()
                              ? screen.columns - std::min(screen.columns, subject_width)
                              : std::string::npos;
        text += fmt::format("{:<{}}{}\n", subject, subject_width,
                            screen.tinted(shortened(printable(what), room), tint));
    }
    return text;
}

}  // namespace

Status show_overview(const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return status_of(std::unexpected(daemon.error()));
    return status_of(show(wanted, [&](const Screen& screen) -> Outcome<std::string> {
        const auto all = gather(*daemon);
        if (!all) return std::unexpected(all.error());
        return wanted.json ? printable_json(json::serialize(*all)) + '\n' : text_of(*all, screen);
    }));
}

}  // namespace ballast::cli
