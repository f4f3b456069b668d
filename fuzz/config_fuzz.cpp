// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Any bytes are either a whole configuration or a list of problems, in order, each with its place.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ballast::config;
    const auto loaded = load({reinterpret_cast<const char*>(data), size});
    if (loaded) {
        if (loaded->listeners.empty() || loaded->pools.empty()) std::abort();
        for (const auto& listener : loaded->listeners) {
            const bool is_bound =
                !listener.bind.empty() || (listener.tls && !listener.tls->implicit_bind.empty());
            if (!is_bound || loaded->find_pool(listener.pool) == nullptr) std::abort();
        }
        for (const auto& pool : loaded->pools)
            if (pool.backends.empty()) std::abort();
        return 0;
    }
    if (loaded.error().empty()) std::abort();
    std::uint32_t line = 1;
    for (const auto& problem : loaded.error()) {
        if (problem.where.line < line || problem.where.column == 0) std::abort();
        if (problem.what.empty() || problem.fix.empty()) std::abort();
        line = problem.where.line;
        static_cast<void>(to_string(problem, "fuzz.toml"));
    }
    return 0;
}
