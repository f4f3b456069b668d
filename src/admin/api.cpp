// SPDX-License-Identifier: Apache-2.0
#include "admin/api.h"

#include "admin/target.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "config/spelling.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <expected>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace ballast::admin {

namespace {

namespace json = boost::json;
using pool::AdminState;
using std::string_view;

enum class Action : std::uint8_t {
    show_version,
    show_generations,
    show_backends,
    show_balancer,
    reload,
    upgrade,
    reopen,
    show_backend,
    set_backend,
    set_balancer
};

struct Route {
    string_view method;
    string_view path;  ///< "{...}" stands for any segment
    Action action;
};

constexpr auto routes = std::to_array<Route>({
    {"GET", "/v1/version", Action::show_version},
    {"GET", "/v1/generations", Action::show_generations},
    {"GET", "/v1/backends", Action::show_backends},
    {"GET", "/v1/backends/{pool}/{backend}/state", Action::show_backend},
    {"PUT", "/v1/backends/{pool}/{backend}/state", Action::set_backend},
    {"GET", "/v1/state", Action::show_balancer},
    {"PUT", "/v1/state", Action::set_balancer},
    {"POST", "/v1/reload", Action::reload},
    {"POST", "/v1/upgrade", Action::upgrade},
    {"POST", "/v1/reopen", Action::reopen},
});
// Where the names are in /v1/backends/{pool}/{backend}/state.
constexpr std::size_t pool_segment = 2;
constexpr std::size_t backend_segment = 3;

/// A JSON array of what `to_text` makes of each.
template <typename All, typename ToText>
std::string array_of(const All& all, ToText to_text) {
    std::string text = "[";
    const char* separator = "";
    for (const auto& each : all) {
        text += std::exchange(separator, ",");
        text += to_text(each);
    }
    return text += ']';
}

bool is_at(const Route& route, const std::vector<std::string>& segments) {
    const auto pattern = segments_of(route.path).value();
    return std::ranges::equal(pattern, segments, [](const auto& wanted, const auto& segment) {
        return wanted.starts_with('{') || wanted == segment;
    });
}

Answer no_such_route(const Request& request) {
    const auto all = array_of(routes, [](const Route& route) {
        return base::json_string(fmt::format("{} {}", route.method, route.path));
    });
    const auto what = fmt::format("there is nothing at {} (use one of the routes)",
                                  config::in_quotes(request.target));
    return {404, fmt::format(R"({{"error":{},"routes":{}}})", base::json_string(what), all), {}};
}

Answer wrong_method(const Request& request, const std::vector<string_view>& allowed) {
    auto answer =
        refusal(405, fmt::format("{} is not for {} (use {})", config::in_quotes(request.method),
                                 config::in_quotes(request.target), config::listed(allowed)));
    answer.allow = fmt::format("{}", fmt::join(allowed, ", "));
    return answer;
}

constexpr string_view example_of_state = R"(send {"state": "drain"})";

/// The state in a request's body.
std::expected<AdminState, Answer> wanted_state(const Request& request) {
    const auto refused = [](string_view what, string_view fix) {
        return std::unexpected(refusal(400, fmt::format("{} ({})", what, fix)));
    };
    boost::system::error_code error;
    const auto value = json::parse(request.body, error);
    if (error) return refused("the body is not JSON: " + error.message(), example_of_state);
    const auto* const object = value.if_object();
    const auto* const member = object != nullptr ? object->if_contains("state") : nullptr;
    const auto* const name = member != nullptr ? member->if_string() : nullptr;
    if (name == nullptr || object->size() != 1)
        return refused("the body is not an object with the member \"state\" alone",
                       example_of_state);
    const auto state = pool::admin_state_from(string_view(name->data(), name->size()));
    if (state) return *state;
    return refused("there is no state " + config::in_quotes({name->data(), name->size()}),
                   "use ready, drain, drain-idle or disabled");
}

std::string to_json(const std::vector<std::string>& texts) {
    return array_of(texts, [](const auto& each) { return base::json_string(each); });
}

std::string to_json(const BackendState& state) {
    return fmt::format(
        R"({{"pool":{},"backend":{},"address":{},"state":"{}","health":{},"ejected":{},"backup":{},)"
        R"("sessions":{},"transfers":{}}})",
        base::json_string(state.pool), base::json_string(state.backend),
        base::json_string(state.address), pool::to_string(state.admin),
        base::json_string(state.health), state.is_ejected, state.is_backup, state.sessions,
        state.transfers);
}

Answer to_answer(const std::vector<BackendState>& states) {
    const auto all = array_of(states, [](const auto& each) { return to_json(each); });
    return {200, fmt::format(R"({{"backends":{}}})", all), {}};
}

Answer to_answer(const ReloadReport& report) {
    const auto lists =
        fmt::format(R"("problems":{},"warnings":{},"needs_restart":{})", to_json(report.problems),
                    to_json(report.warnings), to_json(report.needs_restart));
    if (report.applied) return {200, fmt::format(R"({{"applied":true,{}}})", lists), {}};
    const auto error = base::json_string(
        "the configuration has problems, so nothing was changed (correct them and reload again)");
    return {422, fmt::format(R"({{"applied":false,"error":{},{}}})", error, lists), {}};
}

/// Empty if there is no file yet. A file that cannot be used must not keep the balancer from
/// starting.
States kept_states(const std::string& file) {
    if (file.empty()) return {};
    const auto ignored = [&](string_view reason) {
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

/// A reload or an upgrade that somebody waits for.
template <typename Report>
struct Pending {
    explicit Pending(loop::Loop& loop) : done(loop) {}
    loop::Signal done;
    std::optional<Report> report;
};

/// The report of an action; empty if it takes too long.
template <typename Report, typename Action>
loop::Task<std::optional<Report>> report_of(loop::Loop& loop, Action& action,
                                            std::chrono::seconds timeout) {
    const auto pending = std::make_shared<Pending<Report>>(loop);
    action([waiting = std::weak_ptr(pending)](Report report) {
        const auto asked = waiting.lock();
        if (!asked) return;  // the client is gone
        asked->report = std::move(report);
        asked->done.raise();
    });
    const auto deadline = loop.after(timeout);
    while (!pending->report && loop.now() < deadline) (void)co_await pending->done.wait(deadline);
    co_return std::move(pending->report);
}

Answer takes_long(string_view what, std::chrono::seconds timeout) {
    return refusal(504, fmt::format("the {} takes longer than {} seconds and goes on (see the log "
                                    "for its end)",
                                    what, timeout.count()));
}

/// Whether the body asks for an upgrade if there is a new program; an answer if it is wrong.
std::expected<bool, Answer> may_upgrade(const Request& request) {
    if (request.body.empty()) return false;
    boost::system::error_code error;
    const auto value = json::parse(request.body, error);
    const auto* const object = value.if_object();
    const auto* const member = object != nullptr ? object->if_contains("upgrade") : nullptr;
    if (error || member == nullptr || !member->is_bool() || object->size() != 1)
        return std::unexpected(refusal(
            400,
            R"(the body is not an object with the member "upgrade" alone (send {"upgrade": true}, or nothing))"));
    return member->get_bool();
}

}  // namespace

Api::Api(loop::Loop& loop, Actions actions, std::string state_file)
    : loop_(loop),
      actions_(std::move(actions)),
      state_file_(std::move(state_file)),
      states_(kept_states(state_file_)) {}

void Api::restore() {
    if (states_.balancer != AdminState::ready) actions_.administer_all(states_.balancer);
    for (const auto& [name, state] : states_.backends)
        (void)actions_.administer(name.pool, name.backend, state);  // false: gone for now
}

void Api::note(const std::string& pool, const std::string& backend, AdminState state) {
    if (pool.empty())
        states_.balancer = state;
    else
        states_.set({pool, backend}, state);
    (void)keep_states();
}

loop::Task<Answer> Api::answer(Request request) {
    const auto segments = segments_of(request.target);
    if (!segments)
        co_return refusal(400, fmt::format("{} is not a path (begin it with \"/\", and write each "
                                           "\"%\" of a name as \"%25\")",
                                           config::in_quotes(request.target)));
    std::vector<string_view> allowed;
    for (const auto& route : routes) {
        if (!is_at(route, *segments)) continue;
        allowed.push_back(route.method);
        if (route.method != request.method) continue;
        switch (route.action) {
            case Action::show_version:
                co_return Answer{200, R"({"version":")" BALLAST_VERSION R"("})", {}};
            case Action::show_backends: co_return show_backends();
            case Action::show_balancer: co_return show_balancer();
            case Action::show_generations: co_return show_generations();
            case Action::reload: co_return co_await reload(std::move(request));
            case Action::upgrade: co_return co_await upgrade();
            case Action::reopen: co_return reopen();
            case Action::set_balancer: co_return set_balancer(request);
            case Action::show_backend:
                co_return show_backend(segments->at(pool_segment), segments->at(backend_segment));
            case Action::set_backend:
                co_return set_backend(segments->at(pool_segment), segments->at(backend_segment),
                                      request);
        }
    }
    co_return allowed.empty() ? no_such_route(request) : wrong_method(request, allowed);
}

loop::Task<Answer> Api::reload(Request request) {
    const auto upgrades = may_upgrade(request);
    if (!upgrades) co_return upgrades.error();
    if (*upgrades && actions_.has_new_program()) co_return co_await upgrade();
    const auto report = co_await report_of<ReloadReport>(loop_, actions_.reload, reload_timeout);
    co_return report ? to_answer(*report) : takes_long("reload", reload_timeout);
}

loop::Task<Answer> Api::upgrade() {
    const auto report = co_await report_of<UpgradeReport>(loop_, actions_.upgrade, upgrade_timeout);
    if (!report) co_return takes_long("upgrade", upgrade_timeout);
    if (report->pid == 0) co_return refusal(422, report->problem);
    co_return Answer{200, fmt::format(R"({{"upgraded":true,"pid":{}}})", report->pid), {}};
}

Answer Api::show_generations() const {
    const auto all = array_of(actions_.generations(), [](const Generation& each) {
        return fmt::format(R"({{"pid":{},"sessions":{},"transfers":{}}})", each.pid, each.sessions,
                           each.transfers);
    });
    return {200, fmt::format(R"({{"generations":{}}})", all), {}};
}

Answer Api::reopen() const {
    const auto done = actions_.reopen();
    if (done) return {200, R"({"reopened":true})", {}};
    return refusal(500, base::to_string(done.error()));
}

Answer Api::show_backends() const { return to_answer(actions_.backends()); }

Answer Api::show_balancer() const {
    const auto state = actions_.balancer();
    return {200,
            fmt::format(R"({{"state":"{}","sessions":{}}})", pool::to_string(state.admin),
                        state.sessions),
            {}};
}

Answer Api::set_balancer(const Request& request) {
    const auto state = wanted_state(request);
    if (!state) return state.error();
    actions_.administer_all(*state);
    states_.balancer = *state;
    auto refused = keep_states();
    return refused ? std::move(*refused) : show_balancer();
}

Answer Api::set_backend(const std::string& pool, const std::string& backend,
                        const Request& request) {
    const auto state = wanted_state(request);
    if (!state) return state.error();
    if (!actions_.administer(pool, backend, *state)) return no_such_backend(pool, backend);
    states_.set({pool, backend}, *state);
    auto refused = keep_states();
    return refused ? std::move(*refused) : show_backend(pool, backend);
}

Answer Api::show_backend(string_view pool, string_view backend) const {
    auto states = actions_.backends();
    std::erase_if(states, [&](const BackendState& each) {
        return each.pool != pool || each.backend != backend;
    });
    if (states.empty()) return no_such_backend(pool, backend);
    return to_answer(states);
}

Answer Api::no_such_backend(string_view pool, string_view backend) const {
    std::vector<std::string> pools;
    std::vector<std::string> backends;
    const auto add = [](std::vector<std::string>& names, const std::string& name) {
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    for (const auto& each : actions_.backends()) {
        add(pools, each.pool);
        if (each.pool == pool) add(backends, each.backend);
    }
    const auto listed = [](const std::vector<std::string>& names) {
        if (names.empty()) return std::string("no pool has one");
        return "use " + config::listed(std::vector<string_view>(names.begin(), names.end()));
    };
    if (backends.empty())
        return refusal(404, fmt::format("there is no pool {} with backends ({})",
                                        config::in_quotes(pool), listed(pools)));
    return refusal(404, fmt::format("pool {} has no backend {} ({})", config::in_quotes(pool),
                                    config::in_quotes(backend), listed(backends)));
}

/// The change is made already. An operator who relies on it over a restart must hear of a failure.
std::optional<Answer> Api::keep_states() const {
    if (state_file_.empty()) return std::nullopt;
    const auto kept = base::replace_file(state_file_, to_json(states_));
    if (kept) return std::nullopt;
    const auto reason = base::to_string(kept.error());
    log::warning("administrative states cannot be kept: a restart loses the last changes",
                 {{"file", state_file_}, {"reason", reason}});
    return refusal(500, fmt::format("the state is changed, but a restart will lose it: {} (correct "
                                    "this and ask again)",
                                    reason));
}

}  // namespace ballast::admin
