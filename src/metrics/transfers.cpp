// SPDX-License-Identifier: Apache-2.0
#include "metrics/transfers.h"

#include <exception>

namespace ballast::metrics {

std::string_view to_string(Direction direction) {
    switch (direction) {
        case Direction::download: return "download";
        case Direction::upload: return "upload";
        case Direction::unknown: return "unknown";
    }
    std::terminate();
}

std::string_view to_string(Result result) {
    switch (result) {
        case Result::whole: return "whole";
        case Result::failed: return "failed";
        case Result::aborted: return "aborted";
        case Result::refused: return "refused";
    }
    std::terminate();
}

void Transfers::add(Direction direction, Result result, std::uint64_t bytes,
                    std::chrono::steady_clock::duration time) {
    counts_.add(direction, result);
    if (result == Result::refused) return;
    auto& moved = moved_[static_cast<std::size_t>(direction)];
    moved.size.observe(bytes);
    moved.time.observe(time);
    const std::chrono::duration<double> seconds = time;
    if (bytes > 0 && seconds.count() > 0)
        moved.rate.observe(
            static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds.count()));
}

Transfers& transfers() {
    // Never destroyed: threads may end after static destruction has begun.
    static auto* const instance = new Transfers;
    return *instance;
}

}  // namespace ballast::metrics
