// SPDX-License-Identifier: Apache-2.0
#include "config/check_cluster.h"

#include "base/address.h"
#include "config/store_address.h"

#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

namespace ballast::config {

namespace {

/// Those that are addresses. Adds what is wrong with the others.
std::vector<StoreAddress> addresses_of(const Cluster& cluster, Findings& findings) {
    std::vector<StoreAddress> addresses;
    for (std::size_t i = 0; i < cluster.store.size(); ++i) {
        const auto key = cluster.store.size() == 1 ? std::string("cluster.store")
                                                   : fmt::format("cluster.store[{}]", i);
        if (cluster.store.size() > 1 && cluster.store[i] == Cluster::no_store) {
            findings.add(key, "\"memory\" is no address of a store",
                         "remove it, or write store = \"memory\" alone");
            continue;
        }
        auto address = parse_store_address(cluster.store[i]);
        if (address)
            addresses.push_back(std::move(*address));
        else
            findings.add(key, std::move(address.error().what), std::move(address.error().fix));
    }
    return addresses;
}

bool is_here(const StoreAddress& address) {
    if (!address.path.empty() || address.host == "localhost") return true;
    const auto ip = base::Ip::parse(address.host);
    return ip && ip->is_loopback();
}

void check_store(const Cluster& cluster, Findings& findings) {
    const auto addresses = addresses_of(cluster, findings);
    if (addresses.empty()) return;
    for (const auto& each : addresses)
        if (each.is_sentinel != addresses.front().is_sentinel ||
            each.master != addresses.front().master || each.database != addresses.front().database)
            return findings.add("cluster.store", "these addresses are not those of one store",
                                "give all of them the same form, master and database");
    for (const auto& each : addresses)
        if (!each.has_tls && !is_here(each) && !cluster.password_file.empty())
            return findings.warn(
                "cluster.store", fmt::format("the password goes to {} unencrypted", each.host),
                "use \"rediss://\" if the store has TLS, or a network that nobody else can read");
}

}  // namespace

void check_cluster(const Cluster& cluster, Findings findings) {
    if (!findings.holds("cluster.store")) return;
    if (cluster.store.empty())
        return findings.add("cluster.store", "store is empty",
                            R"(name the store's address, or write "memory")");
    if (!cluster.has_store()) {
        for (const std::string key :
             {"node", "secret_file", "password_file", "ca", "certificate", "key", "probes"})
            if (findings.is_said("cluster." + key))
                findings.warn("cluster." + key, fmt::format("{} has no effect without store", key),
                              "add store = \"rediss://HOST\", or remove it");
        return;
    }
    check_store(cluster, findings);
    if (cluster.secret_file.empty() && findings.holds("cluster.secret_file"))
        findings.add("cluster.secret_file", "secret_file is missing",
                     "make a file with `openssl rand -base64 48`, copy it to all nodes and name it "
                     "here: what nodes share is encrypted with it");
}

}  // namespace ballast::config
