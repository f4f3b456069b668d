// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace ballast::config;

void must(bool claim) {
    if (!claim) std::abort();
}

bool leads_somewhere(const Config& config, const std::string& pool) {
    return config.find_pool(pool) != nullptr;
}

void is_whole(const Listener& listener, const Config& config) {
    must(!listener.bind.empty() || (listener.tls && !listener.tls->implicit_bind.empty()));
    must(listener.pool.empty() ? !listener.routes.empty() : leads_somewhere(config, listener.pool));
    for (const auto& route : listener.routes)
        must(route.pool.empty() ? !route.reject.empty()
                                : route.reject.empty() && leads_somewhere(config, route.pool));
}

void is_whole(const Backend& backend) {
    must(!backend.name.empty() && backend.host.empty() != backend.srv.empty());
}

void is_whole(const Pool& pool, const Config& config) {
    must(!pool.backends.empty() || !pool.backends_file.empty());
    for (const auto& backend : pool.backends) is_whole(backend);
    // Chains of fallbacks end.
    const auto* last = &pool;
    for (std::size_t passed = 0; last != nullptr; ++passed) {
        must(passed <= config.pools.size());
        must(last->fallback.empty() || leads_somewhere(config, last->fallback));
        last = config.find_pool(last->fallback);
    }
}

void are_in_order(const std::vector<Problem>& problems) {
    must(!problems.empty());
    std::uint32_t line = 1;
    for (const auto& problem : problems) {
        must(problem.where.line >= line && problem.where.column > 0);
        must(!problem.what.empty() && !problem.fix.empty());
        line = problem.where.line;
        static_cast<void>(to_string(problem, "fuzz.toml"));
    }
}

}  // namespace

/// Any bytes give a whole configuration, whole backends, or an ordered list of problems, each with
/// its place.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto backends = load_backends(text, Pool{});
    if (!backends) are_in_order(backends.error());
    if (backends)
        for (const auto& backend : *backends) is_whole(backend);

    const auto [config, problems] = read(text);
    if (!problems.empty()) are_in_order(problems);
    if (has_errors(problems)) return 0;
    must(config.has_value());
    must(!config->listeners.empty() && !config->pools.empty());
    for (const auto& listener : config->listeners) is_whole(listener, *config);
    for (const auto& pool : config->pools) is_whole(pool, *config);
    return 0;
}
