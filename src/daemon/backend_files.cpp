// SPDX-License-Identifier: Apache-2.0
#include "daemon/backend_files.h"

#include "base/file.h"
#include "base/log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <utility>

namespace ballast::daemon {

namespace {

struct Loaded {
    pool::BackendSettings backend;
    std::shared_ptr<const net::TlsClient> tls;
};

/// All backends of the file with their TLS clients, or every problem in words.
std::expected<std::vector<Loaded>, std::vector<std::string>> load(const config::Pool& pool) {
    const auto& file = pool.backends_file;
    const auto only = [&](std::string problem) {
        return std::unexpected(std::vector{std::move(problem)});
    };
    const auto text = base::read_file(file);
    if (!text) return only(base::to_string(text.error()));
    auto backends = config::load_backends(*text, pool);
    std::vector<std::string> problems;
    if (!backends) {
        for (const auto& problem : backends.error())
            problems.push_back(config::to_string(problem, file));
        return std::unexpected(std::move(problems));
    }
    std::vector<Loaded> loaded;
    for (auto& backend : *backends) {
        auto tls = backend::make_tls_client(backend);
        if (!tls)
            problems.push_back(
                fmt::format("{}: {}: {}", file, backend.where.key, base::to_string(tls.error())));
        loaded.push_back({std::make_shared<const config::Backend>(std::move(backend)),
                          tls ? std::move(*tls) : nullptr});
    }
    if (!problems.empty()) return std::unexpected(std::move(problems));
    return loaded;
}

}  // namespace

std::vector<config::Backend> BackendFiles::check(const config::Config& config,
                                                 const config::Pool& pool,
                                                 std::vector<config::Problem>& problems) {
    std::vector<config::Backend> backends;
    if (pool.backends_file.empty()) return backends;
    const auto loaded = load(pool);
    if (loaded)
        for (const auto& each : *loaded) backends.push_back(*each.backend);
    else
        for (const auto& problem : loaded.error())
            problems.push_back(
                {config.places.of(pool.where.key + ".backends_file"), problem, "correct the file"});
    return backends;
}

BackendFiles::BackendFiles(const session::Pools& pools) {
    for (const auto& pool : pools.all())
        if (!pool.settings->backends_file.empty()) watched_.push_back({pool, WatchedFile(), false});
}

void BackendFiles::look() {
    for (auto& watched : watched_) {
        const auto& config = *watched.pool.settings;
        const auto stamp = stamp_of(config.backends_file);
        if (!watched.file.is_due(stamp)) continue;
        auto loaded = load(config);
        // The file changed while it was read. Load it when the writer is done.
        if (watched.is_loaded && stamp_of(config.backends_file) != stamp) continue;
        if (!loaded) {
            if (!watched.file.refuse(fmt::format("{}", fmt::join(loaded.error(), "\n")))) continue;
            for (const auto& problem : loaded.error())
                log::warning("a backends file cannot be used, keeping what was loaded before",
                             {{"pool", config.name}, {"reason", problem}});
            continue;
        }
        watched.file.accept();
        watched.is_loaded = true;
        std::vector<pool::BackendSettings> backends;
        for (auto& each : *loaded) {
            watched.pool.contacts->set_tls_client(each.backend, std::move(each.tls));
            backends.push_back(std::move(each.backend));
        }
        log::info("backends file loaded", {{"pool", config.name},
                                           {"file", config.backends_file},
                                           {"backends", std::uint64_t{backends.size()}}});
        watched.pool.pool->set_file_backends(backends);
    }
}

}  // namespace ballast::daemon
