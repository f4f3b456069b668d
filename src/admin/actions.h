// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/explain.h"
#include "admin/facts.h"
#include "admin/metrics_page.h"
#include "admin/session_act.h"
#include "base/address.h"
#include "base/error.h"
#include "base/log.h"
#include "loop/task.h"
#include "pool/admin_state.h"
#include "session/view.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::admin {

/// What an operator can change about a backend until the process ends.
enum class Tuned : std::uint8_t { weight, max_sessions };

/// What the daemon does for an operator. The server and all that is called here run on the control
/// thread; each function is set. Only `reload` and `upgrade` may take long.
struct Actions {
    using Reloaded = std::move_only_function<void(ReloadReport)>;
    /// Begins a reload, or joins the one that runs. Calls back once, at once or later, on the
    /// control thread. The caller may be gone by then.
    std::move_only_function<void(Reloaded)> reload;
    using Upgraded = std::move_only_function<void(UpgradeReport)>;
    /// Replaces this process by the installed program. Calls back like `reload`.
    std::move_only_function<void(Upgraded)> upgrade;
    /// Whether the installed program is another one than this process runs.
    std::function<bool()> has_new_program;
    /// The process that serves comes first.
    std::function<std::vector<Generation>()> generations;
    /// Opens the log files again.
    std::function<base::Result<>()> reopen;
    /// False if there is no such backend. The name is the configured one, and means all addresses.
    std::function<bool(std::string_view pool, std::string_view backend, pool::AdminState)>
        administer;
    /// The whole balancer: whether it takes clients. States of single backends stay.
    std::function<void(pool::AdminState)> administer_all;
    /// In the order of the configuration.
    std::function<std::vector<BackendState>()> backends;
    std::function<BalancerState()> balancer;
    std::function<MetricsSnapshot()> metrics;

    // Sessions. They live on other threads, so each answer takes a moment.

    /// In the order of their ids. Empty: a worker does not answer.
    std::function<loop::Task<std::optional<std::vector<session::View>>>(SessionQuery)> sessions;
    /// Without a session: `no_session` or `no_answer`.
    std::function<loop::Task<std::expected<session::View, SessionActed>>(std::string id)> session;
    std::function<loop::Task<SessionActed>(std::string id, SessionAct)> act;

    // More that can be read, in the order of the configuration

    std::function<std::vector<ListenerState>()> listeners;
    std::function<std::vector<PoolState>()> pools;
    std::function<std::vector<BanState>()> bans;
    std::function<std::vector<CertificateState>()> certificates;
    std::function<std::vector<LimitState>()> limits;
    /// Those that are remembered, the latest last.
    std::function<std::vector<ProbeState>()> probes;
    std::function<std::vector<SurveyState>()> surveys;
    /// The configuration in force, as TOML.
    std::function<std::string()> configuration;

    // More that can be changed

    /// Empty `value`: as configured. False if there is no such backend.
    std::function<bool(std::string_view pool, std::string_view backend, Tuned what,
                       std::optional<std::uint32_t> value)>
        tune;
    std::function<bool(std::string_view pool, std::string_view backend)> probe_now;
    /// How many bans were lifted. Empty `user`: all of the address.
    std::function<std::size_t(const base::Ip& client, std::string_view user)> unban;
    /// Looks at the next `max` clients that the pool remembers, behind the number `after`. Empty:
    /// there is no such pool.
    std::function<std::optional<StickSlice>(std::string_view pool, std::uint64_t after,
                                            std::size_t max)>
        stickiness;
    /// What it remembers of this client alone.
    std::function<std::optional<StickState>(std::string_view pool, const base::Ip& client)>
        stickiness_of;
    /// Until the next reload.
    std::function<void(log::Level)> set_log_level;
    /// How many clients were forgotten; empty: there is no such pool. Both empty: all clients.
    std::function<std::optional<std::size_t>(
        std::string_view pool, const std::optional<base::Ip>& client, std::string_view user)>
        forget_stickiness;

    // The stories of sessions

    /// Empty: there is no story of this session. An error: it cannot be asked for now.
    std::function<loop::Task<base::Result<std::optional<SessionStory>>>(std::string session)>
        story = {};
    /// At most `max` stories that match. `from` is the `next` of a former result, or
    /// `session::Stories::newest`.
    std::function<loop::Task<base::Result<FoundStories>>(session::StoryQuery query, std::size_t max,
                                                         std::uint64_t from)>
        find_stories = {};
    std::function<session::Stories::Size()> stories_size = {};

    // The other balancers that share a store with this one

    /// Other nodes follow what an operator has decided here.
    std::function<void(std::string_view pool, std::string_view backend, pool::AdminState)>
        share_state = {};
    /// This one too. Without a store there is no other.
    std::function<std::vector<NodeState>()> nodes = {};
    /// Takes a text of `to_text(Asked)` to that node, whose `Api::answer_node` answers. An error:
    /// no answer came in time.
    std::function<loop::Task<base::Result<std::string>>(std::string node, std::string question,
                                                        loop::Time::duration patience)>
        ask_node = {};
};

}  // namespace ballast::admin
