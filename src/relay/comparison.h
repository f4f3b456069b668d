// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/sha256.h"
#include "relay/trail.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::relay {

/// Compares what another source sends with a trail, up to the last byte that was taken from the
/// former sources. Borrows the trail, which must not change meanwhile.
class Comparison {
public:
    /// The other source begins at `begin`. `first_offset` is where in its file the transfer's first
    /// byte is; only the words of a difference need it.
    Comparison(const Trail& trail, std::uint64_t begin, std::uint64_t first_offset);

    /// How many bytes are still to be compared.
    [[nodiscard]] std::uint64_t left() const { return trail_.taken() - position_; }
    /// At most `left()` bytes that come next.
    void add(std::string_view bytes);
    /// The other source has ended.
    void end();

    /// What differs, as words; empty if nothing does.
    [[nodiscard]] const std::string& difference() const { return difference_; }
    /// Nothing is left, and everything was the same.
    [[nodiscard]] bool is_passed() const { return left() == 0 && difference_.empty(); }

private:
    [[nodiscard]] bool has_proof(std::uint64_t begin) const;
    void compare(const Trail::Sample& sample, std::string_view bytes);

    const Trail& trail_;
    std::uint64_t position_;
    std::uint64_t first_offset_;
    std::optional<net::Sha256> digest_;
    std::string difference_;
};

}  // namespace ballast::relay
