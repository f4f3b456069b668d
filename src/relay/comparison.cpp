// SPDX-License-Identifier: Apache-2.0
#include "relay/comparison.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::relay {

Comparison::Comparison(const Trail& trail, std::uint64_t begin, std::uint64_t first_offset)
    : trail_(trail), position_(std::min(begin, trail.taken())), first_offset_(first_offset) {
    if (!has_proof(begin)) {
        difference_ = fmt::format("nothing is remembered of bytes {} to {}", first_offset + begin,
                                  first_offset + trail.taken());
    } else if (trail.digest()) {
        digest_.emplace();
    }
}

/// Whether anything known lies wholly between `begin` and the last byte that was taken.
bool Comparison::has_proof(std::uint64_t begin) const {
    if (trail_.digest()) return begin == 0;
    return std::ranges::any_of(trail_.samples(), [&](const Trail::Sample& sample) {
        return sample.offset >= begin && !sample.bytes.empty();
    });
}

void Comparison::add(std::string_view bytes) {
    for (const auto& sample : trail_.samples()) compare(sample, bytes);
    if (digest_) digest_->add(bytes);
    position_ += bytes.size();
    if (digest_ && left() == 0 && digest_->hex() != trail_.digest())
        difference_ = fmt::format("the digest of the first {} bytes differs", trail_.taken());
}

void Comparison::end() {
    difference_ = fmt::format("the other file ends at byte {}", first_offset_ + position_);
}

void Comparison::compare(const Trail::Sample& sample, std::string_view bytes) {
    const auto begin = std::max(position_, sample.offset);
    const auto end = std::min(position_ + bytes.size(), sample.end());
    if (begin >= end || !difference_.empty()) return;
    const auto known = std::string_view(sample.bytes).substr(begin - sample.offset, end - begin);
    const auto given = bytes.substr(begin - position_, end - begin);
    const auto differs = std::ranges::mismatch(known, given).in1;
    if (differs == known.end()) return;
    const auto at = begin + static_cast<std::uint64_t>(differs - known.begin());
    difference_ = fmt::format("byte {} differs", first_offset_ + at);
}

}  // namespace ballast::relay
