// SPDX-License-Identifier: Apache-2.0
#include "daemon/trial_names.h"

#include "config/own_addresses.h"
#include "daemon/backend_files.h"
#include "net/resolver.h"
#include "net/socket.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <iterator>
#include <netinet/in.h>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace ballast::daemon {

namespace {

using Problems = std::vector<config::Problem>;

/// The addresses of all interfaces. If the system does not tell, the start goes on: a session that
/// comes from this process is refused anyway.
std::vector<base::Ip> local_addresses(Problems& problems) {
    std::vector<base::Ip> result;
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) {
        problems.push_back(
            {{"", 1, 1},
             fmt::format("cannot get this machine's addresses: {}",
                         std::error_code(errno, std::system_category()).message()),
             "allow AF_NETLINK in the sandbox; without it backends that lead back to a listener "
             "may not be found",
             config::Severity::warning});
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

/// For all names together, because somebody waits for the answer of `check`.
constexpr std::chrono::milliseconds names_time{3000};

/// A backend of the file or of a watched file, and its place there.
struct Said {
    config::Backend backend;
    std::string key;
};

std::vector<Said> all_backends(const config::Config& config, Problems& problems) {
    std::vector<Said> all;
    for (const auto& pool : config.pools) {
        for (const auto& backend : pool.backends)
            all.push_back(
                {backend, backend.where.key + (backend.srv.empty() ? ".address" : ".srv")});
        for (auto& backend : BackendFiles::check(config, pool, problems))
            all.push_back({std::move(backend), pool.where.key + ".backends_file"});
    }
    return all;
}

class NamesTrial {
public:
    NamesTrial(const config::Config& config, bool asks, Problems& problems,
               const std::stop_token& stop)
        : config_(config), asks_(asks), problems_(problems), stop_(stop) {}

    void run() {
        const auto backends = all_backends(config_, problems_);
        const config::OwnAddresses own(config_, local_addresses(problems_));
        for (const auto& said : backends) {
            for (const auto& to : destinations(said)) {
                const auto listener = own.listener_at(to);
                if (!listener) continue;
                problems_.push_back(
                    {config_.places.of(said.key),
                     config::leads_back(said_and_found(said.backend, to), *listener),
                     config::leads_back_remedy});
                break;
            }
        }
        for (const auto& listener : config_.listeners) announced(listener);
    }

private:
    /// Where a backend is now. A name that is not found gives only a warning: it may be found
    /// later, and sessions that come from this process are refused anyway.
    std::vector<base::Address> destinations(const Said& said) {
        const auto& backend = said.backend;
        if (!backend.host.empty()) return addresses_of(said.key, backend.host, backend.port);
        std::vector<base::Address> result;
        if (backend.srv.empty()) return result;  // it was refused
        const auto services = ask(said.key, backend_remedy, [&](auto left) {
            return net::resolve_services(backend.srv, left, stop_);
        });
        for (const auto& service : services)
            std::ranges::move(addresses_of(said.key, service.host, service.port),
                              std::back_inserter(result));
        return result;
    }

    std::vector<base::Address> addresses_of(const std::string& key, const std::string& host,
                                            std::uint16_t port) {
        std::vector<base::Address> result;
        for (const auto& ip : resolve(key, host, backend_remedy)) result.push_back({ip, port});
        return result;
    }

    /// Checks the addresses that clients would get for data connections.
    void announced(const config::Listener& listener) {
        const auto key = listener.where.key + ".public_address";
        for (const auto& rule : listener.public_address) {
            if (rule.name.empty()) continue;
            const auto found =
                resolve(key, rule.name, "correct it: PASV is answered with 425 until it is found");
            if (!found.empty() && std::ranges::none_of(found, &base::Ip::is_v4))
                warn(key,
                     fmt::format("{} has no IPv4 address, and PASV announces nothing else",
                                 rule.name),
                     "give the name an A record, or write an IPv4 address");
        }
    }

    std::vector<base::Ip> resolve(const std::string& key, const std::string& host,
                                  const char* remedy) {
        if (const auto ip = base::Ip::parse(host)) return {*ip};
        return ask(key, remedy, [&](auto left) { return net::resolve(host, left, stop_); });
    }

    /// The name server's answer, or nothing after a warning.
    template <typename Ask>
    auto ask(const std::string& key, const char* remedy, Ask look_up)
        -> std::remove_cvref_t<decltype(*look_up(names_time))> {
        if (!asks_) return {};
        const auto began = std::chrono::steady_clock::now();
        auto answer = look_up(std::max(left_, std::chrono::milliseconds(1)));
        left_ -= std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - began);
        if (answer) return std::move(*answer);
        warn(key, base::to_string(answer.error()), remedy);
        return {};
    }

    void warn(const std::string& key, std::string what, const char* fix) {
        problems_.push_back(
            {config_.places.of(key), std::move(what), fix, config::Severity::warning});
    }

    static std::string said_and_found(const config::Backend& backend, const base::Address& found) {
        const auto& name = backend.srv.empty() ? backend.host : backend.srv;
        if (base::Ip::parse(name)) return base::to_string(found);
        return fmt::format("{} ({})", name, base::to_string(found));
    }

    static constexpr auto backend_remedy =
        "correct it, or check the name server: the backend is down until it is found";

    const config::Config& config_;
    const bool asks_;
    Problems& problems_;
    const std::stop_token& stop_;
    std::chrono::milliseconds left_ = names_time;
};

}  // namespace

void try_names(const config::Config& config, bool asks_names, Problems& problems,
               const std::stop_token& stop) {
    NamesTrial(config, asks_names, problems, stop).run();
}

}  // namespace ballast::daemon
