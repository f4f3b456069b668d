// SPDX-License-Identifier: Apache-2.0
#include "daemon/sizes.h"

#include "daemon/memory.h"
#include "net/socket.h"

#include <algorithm>
#include <limits>
#include <sys/resource.h>
#include <thread>

namespace ballast::daemon {

std::uint32_t worker_count(const config::Config& config) {
    if (config.workers != 0) return config.workers;
    return std::max(1U, std::thread::hardware_concurrency());
}

/// The configured number, or what the descriptors allow. Each session needs two, and a third if a
/// backend's data connection is already opened at PASV. Some stay free for transfers, probes and
/// passive ports.
std::uint32_t sessions_max(const config::Config& config) {
    if (config.limits.sessions != 0) return config.limits.sessions;
    const bool follows_clients = std::ranges::any_of(config.pools, [](const config::Pool& pool) {
        return pool.backend_data == config::BackendData::as_client;
    });
    const rlim_t each = follows_clients ? 3 : 2;
    constexpr rlim_t kept_part = 25;  // one in so many
    constexpr rlim_t kept_min = 64;
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    const auto there_are = std::min<rlim_t>(descriptors.rlim_cur, 2'000'000);
    const auto kept = std::max(kept_min, there_are / kept_part);
    return there_are > kept + each ? static_cast<std::uint32_t>((there_are - kept) / each) : 1;
}

std::size_t memory_max(const config::Config& config) {
    return config.limits.memory != 0 ? config.limits.memory : memory_there_is() / 10 * 9;
}

/// Each session needs two descriptors and each transfer two more.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    constexpr rlim_t reserve_max = 32;
    constexpr rlim_t reserve_part = 8;  // one in so many
    const auto highest = std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max());
    net::reserve_descriptors(
        static_cast<int>(highest - std::min(reserve_max, highest / reserve_part)));
}

}  // namespace ballast::daemon
