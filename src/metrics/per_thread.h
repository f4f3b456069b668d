// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace ballast::metrics {

/// A row of numbers that every thread may add to. Each thread has a row of its own, so adding is a
/// plain addition. Reading sums over all threads, ended ones included. `Owner` tells rows of the
/// same size apart.
template <typename Owner, std::size_t Size>
class PerThread {
public:
    using Totals = std::array<std::uint64_t, Size>;

    /// From any thread. Allocates nothing but the thread's own row, once.
    static void add(std::size_t index, std::uint64_t by) {
        thread_local Row row;
        auto& value = row.values[index];
        value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
    [[nodiscard]] static Totals totals() {
        const std::lock_guard lock(registry().mutex);
        Totals sums = registry().ended;
        for (const Values* values : registry().live)
            for (std::size_t i = 0; i < Size; ++i)
                sums[i] += (*values)[i].load(std::memory_order_relaxed);
        return sums;
    }

private:
    using Values = std::array<std::atomic<std::uint64_t>, Size>;
    struct Registry {
        std::mutex mutex;
        std::vector<const Values*> live;
        Totals ended{};
    };
    static Registry& registry() {
        // Never destroyed: threads may end after static destruction has begun.
        static auto* const instance = new Registry;
        return *instance;
    }
    /// Only its thread writes, so no atomic addition is needed.
    struct Row {
        Values values{};

        Row() {
            const std::lock_guard lock(registry().mutex);
            registry().live.push_back(&values);
        }
        ~Row() {
            const std::lock_guard lock(registry().mutex);
            for (std::size_t i = 0; i < Size; ++i) registry().ended[i] += values[i].load();
            std::erase(registry().live, &values);
        }
        Row(const Row&) = delete;
        Row& operator=(const Row&) = delete;
    };
};

}  // namespace ballast::metrics
