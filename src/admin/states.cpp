// SPDX-License-Identifier: Apache-2.0
#include "admin/states.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

namespace ballast::admin {

namespace {

namespace json = boost::json;
using pool::AdminState;

std::optional<std::string> text_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    const auto* const text = value != nullptr ? value->if_string() : nullptr;
    if (text == nullptr) return std::nullopt;
    return std::string(text->data(), text->size());
}

std::optional<AdminState> state_at(const json::object& object) {
    const auto name = text_at(object, "state");
    return name ? pool::admin_state_from(*name) : std::nullopt;
}

}  // namespace

void States::set(Name name, AdminState state) {
    if (state == AdminState::ready)
        backends.erase(name);
    else
        backends.insert_or_assign(std::move(name), state);
}

std::string to_json(const States& states) {
    auto text = fmt::format("{{\"state\":\"{}\",\"backends\":[", pool::to_string(states.balancer));
    const char* separator = "\n";
    for (const auto& [name, state] : states.backends) {
        fmt::format_to(std::back_inserter(text), R"({}{{"pool":{},"backend":{},"state":"{}"}})",
                       std::exchange(separator, ",\n"), base::json_string(name.pool),
                       base::json_string(name.backend), pool::to_string(state));
    }
    return text + "]}\n";
}

std::expected<States, std::string> states_from(std::string_view text) {
    boost::system::error_code error;
    const auto value = json::parse(text, error);
    if (error) return std::unexpected("it is not JSON: " + error.message());
    const auto* const object = value.if_object();
    const auto balancer = object != nullptr ? state_at(*object) : std::nullopt;
    if (!balancer) return std::unexpected(std::string("the balancer's state is missing"));
    const auto* const found = object->if_contains("backends");
    const auto* const list = found != nullptr ? found->if_array() : nullptr;
    if (list == nullptr) return std::unexpected(std::string("the list of backends is missing"));
    States states{.balancer = *balancer, .backends = {}};
    for (const auto& each : *list) {
        const auto* const one = each.if_object();
        const auto state = one != nullptr ? state_at(*one) : std::nullopt;
        auto pool = one != nullptr ? text_at(*one, "pool") : std::nullopt;
        auto backend = one != nullptr ? text_at(*one, "backend") : std::nullopt;
        if (!state || !pool || !backend)
            return std::unexpected(std::string("a backend's pool, name or state is missing"));
        states.set({std::move(*pool), std::move(*backend)}, *state);
    }
    return states;
}

namespace {

States kept_states(const std::string& file) {
    if (file.empty()) return {};
    const auto ignored = [&](std::string_view reason) {
        log::warning("the file of administrative states is ignored: all backends are ready",
                     {{"file", file}, {"reason", reason}});
        return States();
    };
    const auto text = base::read_file(file);
    if (!text) {
        if (text.error().code == std::errc::no_such_file_or_directory) return {};
        return ignored(base::to_string(text.error()));
    }
    auto states = states_from(*text);
    if (!states) return ignored(states.error());
    return std::move(*states);
}

}  // namespace

StateKeeper::StateKeeper(std::string file) : file_(std::move(file)), states_(kept_states(file_)) {}

std::string StateKeeper::set(States::Name name, pool::AdminState state) {
    if (name.pool.empty())
        states_.balancer = state;
    else
        states_.set(std::move(name), state);
    if (file_.empty()) return {};
    const auto kept = base::replace_file(file_, to_json(states_));
    if (kept) return {};
    auto reason = base::to_string(kept.error());
    log::warning("administrative states cannot be kept: a restart loses the last changes",
                 {{"file", file_}, {"reason", reason}});
    return reason;
}

}  // namespace ballast::admin
