// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe_secrets.h"

#include "base/file.h"

namespace ballast::daemon {

ProbeSecrets read_probe_secrets(const config::Config& config,
                                std::vector<config::Problem>& problems) {
    ProbeSecrets secrets;
    for (const auto& pool : config.pools) {
        if (pool.probe.type != config::ProbeType::login) continue;
        const auto bytes = base::read_file(pool.probe.password_file);
        if (!bytes) {
            problems.push_back({config.places.of(pool.where.key + ".probe.password_file"),
                                base::to_string(bytes.error()),
                                "name a file that this user may read"});
            continue;
        }
        std::string secret(bytes->substr(0, bytes->find('\n')));
        if (secret.ends_with('\r')) secret.pop_back();
        secrets.emplace(pool.name, std::move(secret));
    }
    return secrets;
}

}  // namespace ballast::daemon
