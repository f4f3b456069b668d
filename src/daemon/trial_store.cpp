// SPDX-License-Identifier: Apache-2.0
#include "daemon/trial_store.h"

#include "base/file.h"
#include "cluster/store_files.h"
#include "config/store_address.h"
#include "net/secret.h"

#include <set>
#include <string>

namespace ballast::daemon {

void try_store_files(const config::Config& config, std::vector<config::Problem>& problems) {
    const auto& cluster = config.cluster;
    if (!cluster.has_store()) return;
    const auto report = [&](const char* key, const base::Error& error, std::string_view fix) {
        const auto cure = base::cure_of_unreadable(error);
        problems.push_back(
            {config.places.of(key), base::to_string(error), std::string(error.code ? cure : fix)});
    };
    if (const auto secret = net::Secret::load(cluster.secret_file, cluster.name);
        !secret && !cluster.secret_file.empty())
        report("cluster.secret_file", secret.error(),
               "make it with `openssl rand -base64 48`, and copy it to all nodes");
    if (const auto password = cluster::read_store_password(cluster.password_file); !password)
        report("cluster.password_file", password.error(),
               "write the password of the store on its first line");
    std::set<std::string> hosts;
    for (const auto& text : cluster.store) {
        const auto address = config::parse_store_address(text);
        if (!address || !address->has_tls || !hosts.insert(address->host).second) continue;
        const auto client = cluster::make_store_client(cluster, address->host);
        if (client) continue;
        report(cluster.certificate.empty() ? "cluster.ca" : "cluster.certificate", client.error(),
               "name PEM files in ca, certificate and key");
        return;  // the others use the same files
    }
}

}  // namespace ballast::daemon
