// SPDX-License-Identifier: Apache-2.0
#include "daemon/trial.h"

#include "daemon/bind_trial.h"
#include "daemon/ephemeral_ports.h"
#include "daemon/kernel_path.h"
#include "daemon/operator_gate.h"
#include "daemon/privileges.h"
#include "daemon/probe_secrets.h"
#include "daemon/source_rules.h"
#include "daemon/tls.h"
#include "daemon/trial_files.h"
#include "daemon/trial_names.h"
#include "daemon/trial_store.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace ballast::daemon {

namespace {

using Problems = std::vector<config::Problem>;

/// An outgoing connection of any program may hold such a port when Ballast needs it.
void warn_of_ephemeral(const config::Config& config, Problems& problems) {
    const auto own = EphemeralPorts::of_this_machine();
    if (!own) return;
    const auto look = [&](const std::string& key, const base::PortRange& ports) {
        if (config.places.is_refused(key) || !own->meet(ports)) return;
        problems.push_back(
            {config.places.of(key),
             fmt::format("{} meets the ports {} that this machine uses for outgoing connections",
                         base::to_string(ports), base::to_string(own->range())),
             fmt::format("use others, or: sysctl net.ipv4.ip_local_reserved_ports={}",
                         base::to_string(ports)),
             config::Severity::warning});
    };
    for (const auto& listener : config.listeners)
        if (listener.lends_ports())
            look(listener.where.key + ".passive_ports", listener.passive_ports);
    for (const auto& pool : config.pools) {
        if (pool.data_ports) look(pool.where.key + ".data_ports", *pool.data_ports);
        for (const auto& backend : pool.backends)
            if (backend.passive_ports)
                look(backend.where.key + ".passive_ports", *backend.passive_ports);
    }
}

}  // namespace

Tried try_start(const config::Config& config, const Trial& trial) {
    Tried tried;
    auto& problems = tried.problems;
    BindTrial binding(config, trial.running_file, trial.inherited, problems);
    binding.run();
    tried.not_bound = binding.not_tried();
    (void)read_probe_secrets(config, problems);
    (void)read_operator_gate(config, problems);
    try_store_files(config, problems);
    const Tls tls(config, problems);
    if (trial.asks_names) tls.warn_of_expiry(config, problems);
    std::ranges::move(exposed_secrets(config), std::back_inserter(problems));
    warn_of_ephemeral(config, problems);
    try_sources(config, problems);
    try_kernel_path(config, problems);
    try_files(config, problems);
    try_names(config, trial.asks_names, problems, trial.stop);
    return tried;
}

}  // namespace ballast::daemon
