// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe_secrets.h"

#include "base/file.h"

#include <fmt/format.h>

namespace ballast::daemon {

ProbeSecrets read_probe_secrets(const config::Config& config,
                                std::vector<config::Problem>& problems) {
    ProbeSecrets secrets;
    for (const auto& pool : config.pools) {
        const bool may_log_in = pool.probe.type == config::ProbeType::login ||
                                config.places.is_refused(pool.where.key + ".probe.type");
        if (!may_log_in || pool.probe.password_file.empty()) continue;
        const auto bytes = base::read_file(pool.probe.password_file);
        const auto& file = pool.probe.password_file;
        const auto where = config.places.of(pool.where.key + ".probe.password_file");
        if (!bytes) {
            problems.push_back({where, base::to_string(bytes.error()),
                                std::string(base::cure_of_unreadable(bytes.error()))});
            continue;
        }
        if (bytes->empty()) {
            problems.push_back({where, fmt::format("{} is empty", file),
                                "write the password into its first line"});
            continue;
        }
        std::string secret(bytes->substr(0, bytes->find('\n')));
        if (secret.ends_with('\r')) secret.pop_back();
        if (secret.empty())
            problems.push_back(
                {where, fmt::format("the first line of {} is empty, and so is the password", file),
                 "write the password into its first line", config::Severity::warning});
        secrets.emplace(pool.name, std::move(secret));
    }
    return secrets;
}

}  // namespace ballast::daemon
