// SPDX-License-Identifier: Apache-2.0
#include "balance/consistent_hash.h"

#include <bit>
#include <cassert>
#include <optional>

namespace ballast::balance {

namespace {

__extension__ using Wide = unsigned __int128;

/// Every bit of the result depends on every bit of `x`, and different values have different results
/// (the finaliser of SplitMix64).
constexpr std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e37'79b9'7f4a'7c15;
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
    return x ^ (x >> 31);
}

constexpr int fraction_bits = 31;

/// -log2(x / 2^64), in units of 2^-31; at most 64 * 2^31. Its binary digits are found one by one:
/// squaring doubles the logarithm, and its whole part is then the next digit.
constexpr std::uint64_t negative_log2(std::uint64_t x) {
    assert(x != 0);
    const int leading_zeros = std::countl_zero(x);
    auto digits = static_cast<std::uint64_t>(63 - leading_zeros);
    std::uint64_t mantissa = (x << leading_zeros) >> 32;  // 1 to 2, in units of 2^-31
    for (int i = 0; i < fraction_bits; ++i) {
        mantissa = (mantissa * mantissa) >> fraction_bits;
        const std::uint64_t digit = mantissa >> (fraction_bits + 1);
        mantissa >>= digit;
        digits = (digits << 1) | digit;
    }
    return (std::uint64_t{64} << fraction_bits) - digits;
}

static_assert(negative_log2(std::uint64_t{1} << 63) == std::uint64_t{1} << fraction_bits);
static_assert(negative_log2(1) == std::uint64_t{64} << fraction_bits);

/// When a backend's clock strikes, before its weight is applied. The first to strike has the best
/// score.
std::uint64_t time_of(const Candidate& candidate, std::uint64_t mixed_key) {
    const std::uint64_t hash = mixed(mixed_key ^ mixed(candidate.id));
    return negative_log2(hash | 1);
}

/// Keeps the best of the candidates that enter.
class Race {
public:
    void enter(std::size_t place, std::uint64_t time, const Candidate& candidate) {
        if (place_ && !is_before(time, candidate)) return;
        place_ = place;
        time_ = time;
        best_ = candidate;
    }
    [[nodiscard]] std::optional<std::size_t> winner() const { return place_; }

private:
    [[nodiscard]] bool is_before(std::uint64_t time, const Candidate& candidate) const {
        const Wide a = Wide{time} * best_.weight;
        const Wide b = Wide{time_} * candidate.weight;
        return a != b ? a < b : candidate.id < best_.id;
    }

    std::optional<std::size_t> place_;
    std::uint64_t time_ = 0;
    Candidate best_;
};

}  // namespace

std::size_t ConsistentHash::pick(std::span<const Candidate> ready, std::uint64_t key) const {
    assert(!ready.empty());
    Wide all_sessions = 0;
    Wide all_weights = 0;
    for (const auto& candidate : ready) {
        all_sessions += candidate.sessions;
        all_weights += candidate.weight;
    }
    // One more session would exceed the bound, rounded up, for all sessions and that one.
    const auto is_over = [&](const Candidate& candidate) {
        return load_percent_ != 0 && candidate.sessions * all_weights * 100 >=
                                         (all_sessions + 1) * candidate.weight * load_percent_;
    };

    const std::uint64_t mixed_key = mixed(key);
    Race within_bound;
    Race all;
    for (std::size_t i = 0; i < ready.size(); ++i) {
        const auto time = time_of(ready[i], mixed_key);
        all.enter(i, time, ready[i]);
        if (!is_over(ready[i])) within_bound.enter(i, time, ready[i]);
    }
    // With a bound of 100 % or more, one candidate is always within it. Below, all may be over it.
    return within_bound.winner().value_or(all.winner().value_or(0));
}

}  // namespace ballast::balance
