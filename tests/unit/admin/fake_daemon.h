// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"

#include <cerrno>
#include <fmt/format.h>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace ballast::admin {

/// What the API may do to a daemon, remembered. It must outlive its actions.
struct FakeDaemon {
    std::vector<BackendState> backends = {backend("files", "f1"), backend("files", "f2"),
                                          backend("odd/pool", "a\nb/c")};
    MetricsSnapshot metrics;
    BalancerState balancer{.admin = pool::AdminState::ready, .sessions = 7};
    std::vector<Actions::Reloaded> reloads;   ///< not answered yet
    std::vector<Actions::Upgraded> upgrades;  ///< likewise
    bool has_new_program = false;
    std::vector<Generation> generations = {{41, 5, 2}, {17, 1, 0}};
    std::vector<session::View> sessions;  ///< in the order of their ids
    bool is_stuck = false;                ///< a worker
    std::vector<ListenerState> listeners;
    std::vector<PoolState> pools;
    std::vector<BanState> bans;
    std::vector<ProbeState> probes;
    std::vector<std::string> acted;
    std::vector<std::pair<Tuned, std::optional<std::uint32_t>>> tuned;
    std::vector<std::string> unbanned;
    std::uint64_t remembered = 0;  ///< clients, by the pool
    std::vector<std::string> forgotten;
    std::vector<log::Level> levels;
    int reopened = 0;
    std::vector<NodeState> nodes = {{.name = "a", .is_self = true, .store = "connected"}};
    /// What other nodes answer, by name and question. Without it they do not.
    std::map<std::pair<std::string, std::string>, std::string> answers;
    std::vector<std::string> asked;   ///< names and questions
    std::vector<std::string> shared;  ///< decisions for other nodes
    bool can_reopen = true;

    static BackendState backend(std::string pool, std::string name) {
        BackendState state;
        state.pool = std::move(pool);
        state.backend = std::move(name);
        state.address = "192.0.2.1:21";
        state.health = "up";
        state.sessions = 3;
        return state;
    }

    bool administer(std::string_view pool, std::string_view name, pool::AdminState state) {
        bool is_known = false;
        for (auto& each : backends) {
            if (each.pool != pool || each.backend != name) continue;
            each.admin = state;
            is_known = true;
        }
        return is_known;
    }

    base::Result<> reopen() {
        ++reopened;
        if (can_reopen) return {};
        return std::unexpected(base::Error{base::Fault::internal,
                                           std::make_error_code(std::errc::permission_denied),
                                           "cannot open /var/log/x"});
    }

    Actions actions() {
        return {.reload = [this](Actions::Reloaded done) { reloads.push_back(std::move(done)); },
                .upgrade = [this](Actions::Upgraded done) { upgrades.push_back(std::move(done)); },
                .has_new_program = [this] { return has_new_program; },
                .generations = [this] { return generations; },
                .reopen = [this] { return reopen(); },
                .administer = [this](auto pool, auto name,
                                     auto state) { return administer(pool, name, state); },
                .administer_all = [this](auto state) { balancer.admin = state; },
                .backends = [this] { return backends; },
                .balancer = [this] { return balancer; },
                .metrics = [this] { return metrics; },
                .sessions = [this](auto query) { return find(std::move(query)); },
                .session = [this](auto id) { return find_one(std::move(id)); },
                .act = [this](auto id, auto act) { return do_to(std::move(id), act); },
                .listeners = [this] { return listeners; },
                .pools = [this] { return pools; },
                .bans = [this] { return bans; },
                .certificates = [] { return std::vector<CertificateState>(); },
                .limits = [] { return std::vector<LimitState>(); },
                .probes = [this] { return probes; },
                .surveys = [] { return std::vector<SurveyState>(); },
                .configuration = [] { return std::string("[listener.ftp]\n"); },
                .tune =
                    [this](auto pool, auto name, auto what, auto value) {
                        if (pool != "files" || name != "f1") return false;
                        tuned.emplace_back(what, value);
                        return true;
                    },
                .probe_now = [](auto pool, auto name) { return pool == "files" && name == "f1"; },
                .unban =
                    [this](const auto& client, auto user) {
                        unbanned.push_back(base::to_string(client) + ' ' + std::string(user));
                        return std::size_t{2};
                    },
                .stickiness = [this](auto pool, auto after,
                                     auto max) { return stickiness(pool, after, max); },
                .stickiness_of = [](auto, const auto& client) -> std::optional<StickState> {
                    if (client != base::Ip::parse("192.0.2.7")) return std::nullopt;
                    return stuck(1);
                },
                .set_log_level = [this](auto level) { levels.push_back(level); },
                .forget_stickiness = [this](auto pool, const auto& client,
                                            auto user) -> std::optional<std::size_t> {
                    if (pool != "files") return std::nullopt;
                    forgotten.push_back((client ? base::to_string(*client) : "") + ' ' +
                                        std::string(user));
                    return 1;
                },
                .share_state =
                    [this](auto pool, auto name, auto state) {
                        shared.push_back(fmt::format("{}/{} {}", pool, name, to_string(state)));
                    },
                .nodes = [this] { return nodes; },
                .ask_node = [this](auto node, auto question,
                                   auto) { return ask(std::move(node), std::move(question)); }};
    }

    loop::Task<base::Result<std::string>> ask(std::string node, std::string question) {
        asked.push_back(node + ": " + question);
        const auto answer = answers.find({node, question});
        if (answer == answers.end())
            co_return std::unexpected(base::Error{base::Fault::internal,
                                                  std::make_error_code(std::errc::timed_out),
                                                  "waiting for its answer"});
        co_return answer->second;
    }

    static StickState stuck(std::uint64_t number) {
        return {.client = "192.0.2.0/24",
                .user = "",
                .backend = number % 2 == 0 ? "f2" : "f1",
                .sessions = static_cast<std::uint32_t>(number),
                .last_used = Moment(std::chrono::seconds(1'800'000'000))};
    }
    /// A pool that remembers so many clients.
    std::optional<StickSlice> stickiness(std::string_view pool, std::uint64_t after,
                                         std::size_t max) const {
        if (pool != "files") return std::nullopt;
        StickSlice slice;
        for (auto number = after + 1; number <= remembered && max > 0; ++number, --max) {
            slice.entries.emplace_back(number, stuck(number));
            slice.next = number < remembered ? number : 0;
        }
        return slice;
    }

    loop::Task<std::optional<std::vector<session::View>>> find(SessionQuery query) {
        if (is_stuck) co_return std::nullopt;
        std::vector<session::View> found;
        for (const auto& view : sessions)
            if (view.id > query.after && query.is_wanted(view) && found.size() < query.max)
                found.push_back(view);
        co_return found;
    }
    loop::Task<std::expected<session::View, SessionActed>> find_one(std::string id) {
        for (const auto& view : sessions)
            if (view.id == id) co_return view;
        co_return std::unexpected(is_stuck ? SessionActed::no_answer : SessionActed::no_session);
    }
    loop::Task<SessionActed> do_to(std::string id, SessionAct act) {
        const auto view = co_await find_one(id);
        if (!view) co_return view.error();
        if (act == SessionAct::end_transfer && !view->transfer) co_return SessionActed::no_transfer;
        acted.push_back((act == SessionAct::end ? "end " : "end transfer of ") + id);
        co_return SessionActed::done;
    }
};

}  // namespace ballast::admin
