// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/sha256.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::relay {

/// What is known of the bytes that a relay has taken so far: enough to check whether another source
/// sends the same ones. Offsets count from the first byte of the transfer.
class Trail {
public:
    static constexpr std::size_t first_bytes = 16 << 10;  ///< remembered from the start
    static constexpr std::size_t sample_bytes = 4 << 10;
    /// How many samples are remembered: the first and the newest.
    static constexpr std::size_t samples_max = 4;
    /// The distance of samples that cost no detour, because all bytes pass through memory anyway.
    static constexpr std::uint64_t copied_every = 1 << 20;

    /// Some bytes as they were.
    struct Sample {
        std::uint64_t offset = 0;
        std::string bytes;
        [[nodiscard]] std::uint64_t end() const { return offset + bytes.size(); }
    };

    /// Remembers nothing, and nothing can be checked.
    Trail() = default;
    /// The first `first_bytes`, and then `sample_bytes` once every `every` bytes. Bytes in between
    /// need not be seen.
    [[nodiscard]] static Trail of_samples(std::uint64_t every);
    /// A digest of everything, up to `bytes_max`. Beyond that nothing can be checked.
    [[nodiscard]] static Trail of_digest(std::uint64_t bytes_max);

    [[nodiscard]] bool keeps_samples() const { return kind_ == Kind::samples; }
    /// Of a trail that keeps them.
    [[nodiscard]] Trail copy_of_samples() const;
    /// Whether another source can be checked at all.
    [[nodiscard]] bool is_checkable() const;
    /// Whether all of the first `taken` bytes are known. Then the other source needs no further
    /// proof.
    [[nodiscard]] bool covers(std::uint64_t taken) const;
    /// Where another source should begin: at the last sample, or at 0 if it cannot begin anywhere
    /// else. All samples behind that are compared.
    [[nodiscard]] std::uint64_t begin(std::uint64_t taken, bool can_restart) const;

    // For the pump

    /// How many of the next bytes should pass through memory, and be added. If 0, the next
    /// `may_miss` bytes may go by.
    [[nodiscard]] std::size_t wants() const;
    [[nodiscard]] std::size_t may_miss() const;
    void add(std::string_view bytes);
    void miss(std::size_t bytes);

    // For the comparison

    /// How many bytes have been added or missed.
    [[nodiscard]] std::uint64_t taken() const { return taken_; }
    /// In the order of their offsets.
    [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }
    /// Of all bytes; empty if this trail keeps none.
    [[nodiscard]] std::optional<std::string> digest() const;

private:
    enum class Kind : std::uint8_t { nothing, samples, digest };

    [[nodiscard]] bool is_sampling() const;
    /// Where the next sample begins if samples are this far apart.
    [[nodiscard]] std::uint64_t next_sample(std::uint64_t every) const;
    void begin_sample();
    void add_to_samples(std::string_view bytes);

    Kind kind_ = Kind::nothing;
    std::uint64_t every_ = 0;      // samples
    std::uint64_t bytes_max_ = 0;  // digest
    std::uint64_t taken_ = 0;
    std::vector<Sample> samples_;
    std::optional<net::Sha256> digest_;  // made with the first byte
};

}  // namespace ballast::relay
