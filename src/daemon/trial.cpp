// SPDX-License-Identifier: Apache-2.0
#include "daemon/trial.h"

#include "base/file.h"
#include "base/log_file.h"
#include "base/owned_fd.h"
#include "config/own_addresses.h"
#include "daemon/backend_files.h"
#include "daemon/bind_trial.h"
#include "daemon/probe_secrets.h"
#include "daemon/tls.h"
#include "net/resolver.h"
#include "net/socket.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <system_error>
#include <unistd.h>

namespace ballast::daemon {

namespace {

using Problems = std::vector<config::Problem>;

void try_append(const config::Config& config, const char* key, const std::string& file,
                Problems& problems) {
    if (file.empty()) return;
    const auto opened = base::in_time(file, "opening " + file, [file] {
        const bool existed = ::access(file.c_str(), F_OK) == 0;
        const base::OwnedFd descriptor(log::open_to_append(file));
        if (!descriptor) return errno;
        if (!existed) ::unlink(file.c_str());
        return 0;
    });
    if (opened) return;
    problems.push_back({config.places.of(key),
                        fmt::format("cannot write {}: {}", file, opened.error().code.message()),
                        "name a file in a folder that this user may write"});
}

/// Of the interfaces that are up. Where the system does not tell them the start goes on: a session
/// that comes from this process is refused all the same.
std::vector<base::Ip> local_addresses() {
    std::vector<base::Ip> result;
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) {
        fmt::print(stderr,
                   "warning: the system does not tell this machine's addresses ({}): backends that "
                   "lead back to a listener may not be found\n",
                   std::error_code(errno, std::system_category()).message());
        return result;
    }
    for (const auto* each = all; each != nullptr; each = each->ifa_next) {
        if (each->ifa_addr == nullptr) continue;
        const auto family = each->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        net::SystemAddress address;
        std::memcpy(address.get(), each->ifa_addr,
                    family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        result.push_back(address.address().ip);
    }
    ::freeifaddrs(all);
    return result;
}

/// For all names together: `check` is to have an answer while somebody waits for it.
constexpr std::chrono::milliseconds names_time{3000};

std::vector<base::Address> addresses_of(const std::string& host, std::uint16_t port,
                                        std::chrono::milliseconds& left) {
    if (const auto ip = base::Ip::parse(host)) return {{*ip, port}};
    std::vector<base::Address> result;
    if (left.count() <= 0) return result;
    const auto began = std::chrono::steady_clock::now();
    const auto found = net::resolve(host, left);
    left -= std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                  began);
    if (found)
        for (const auto& ip : *found) result.push_back({ip, port});
    return result;
}

/// Where a backend is now. A name that cannot be looked up in the time that is left is not a
/// problem here: sessions that come from this process are refused all the same.
std::vector<base::Address> destinations(const config::Backend& backend,
                                        std::chrono::milliseconds& left) {
    if (backend.srv.empty()) return addresses_of(backend.host, backend.port, left);
    std::vector<base::Address> result;
    if (left.count() <= 0) return result;
    const auto services = net::resolve_services(backend.srv, left);
    if (!services) return result;
    for (const auto& service : *services)
        for (const auto& address : addresses_of(service.host, service.port, left))
            result.push_back(address);
    return result;
}

std::string said_and_found(const config::Backend& backend, const base::Address& found) {
    const auto& name = backend.srv.empty() ? backend.host : backend.srv;
    if (base::Ip::parse(name)) return base::to_string(found);
    return fmt::format("{} ({})", name, base::to_string(found));
}

/// Those of the file and of the watched files, and where they are said.
struct Backends {
    std::vector<config::Backend> backends;
    std::vector<std::string> keys;
};

Backends all_backends(const config::Config& config, Problems& problems) {
    Backends all;
    for (const auto& pool : config.pools) {
        for (const auto& backend : pool.backends) {
            all.backends.push_back(backend);
            all.keys.push_back(backend.where.key + (backend.srv.empty() ? ".address" : ".srv"));
        }
        for (const auto& backend : BackendFiles::check(config, pool, problems)) {
            all.backends.push_back(backend);
            all.keys.push_back(pool.where.key + ".backends_file");
        }
    }
    return all;
}

}  // namespace

Tried try_start(const config::Config& config, const Trial& trial) {
    Tried tried;
    auto& problems = tried.problems;
    BindTrial binding(config, trial.running_file, problems);
    binding.run();
    tried.not_bound = binding.not_tried();
    (void)read_probe_secrets(config, problems);
    const Tls tls(config, problems);
    auto [backends, keys] = all_backends(config, problems);
    const config::OwnAddresses own(config, local_addresses());
    std::chrono::milliseconds left = trial.asks_names ? names_time : std::chrono::milliseconds(0);
    for (std::size_t i = 0; i < backends.size(); ++i) {
        for (const auto& to : destinations(backends[i], left)) {
            const auto listener = own.listener_at(to);
            if (!listener) continue;
            problems.push_back({config.places.of(keys[i]),
                                config::leads_back(said_and_found(backends[i], to), *listener),
                                config::leads_back_remedy});
            break;
        }
    }
    try_append(config, "log.file", config.log.file, problems);
    try_append(config, "transfer_log.xferlog", config.transfer_log.xferlog, problems);
    try_append(config, "transfer_log.json", config.transfer_log.json, problems);
    return tried;
}

}  // namespace ballast::daemon
