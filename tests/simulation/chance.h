// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>

namespace ballast::simulation {

/// All that is random in one part of a life. Each part has its own, so that one part's draws do not
/// depend on what the others do.
class Chance {
public:
    explicit Chance(std::uint64_t seed) : random_(seed) {}

    /// 0 to `bound` - 1.
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    /// Whether something happens that happens so often.
    bool percent(std::uint64_t often) { return below(100) < often; }
    template <typename T>
    T pick(std::initializer_list<T> of) {
        return *(of.begin() + static_cast<std::ptrdiff_t>(below(of.size())));
    }
    /// A time from `least` to `most`.
    std::chrono::milliseconds moment(std::chrono::milliseconds least,
                                     std::chrono::milliseconds most) {
        return least + std::chrono::milliseconds(
                           below(static_cast<std::uint64_t>((most - least).count()) + 1));
    }
    std::uint64_t seed() { return random_(); }

private:
    std::mt19937_64 random_;
};

}  // namespace ballast::simulation
