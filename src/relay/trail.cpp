// SPDX-License-Identifier: Apache-2.0
#include "relay/trail.h"

#include <algorithm>
#include <limits>

namespace ballast::relay {

namespace {

std::size_t bytes_max(const Trail::Sample& sample) {
    return sample.offset == 0 ? Trail::first_bytes : Trail::sample_bytes;
}

bool is_whole(const Trail::Sample& sample) { return sample.bytes.size() == bytes_max(sample); }

std::size_t bounded(std::uint64_t bytes) {
    return std::min<std::uint64_t>(bytes, std::numeric_limits<std::size_t>::max());
}

}  // namespace

Trail Trail::of_samples(std::uint64_t every) {
    Trail trail;
    trail.kind_ = Kind::samples;
    trail.every_ = every;
    return trail;
}

Trail Trail::of_digest(std::uint64_t bytes_max) {
    Trail trail;
    trail.kind_ = Kind::digest;
    trail.bytes_max_ = bytes_max;
    return trail;
}

Trail Trail::copy_of_samples() const {
    Trail copy = of_samples(every_);
    copy.taken_ = taken_;
    copy.samples_ = samples_;
    return copy;
}

bool Trail::is_checkable() const {
    switch (kind_) {
        case Kind::nothing: return false;
        case Kind::samples: return true;
        case Kind::digest: return taken_ == 0 || digest_;
    }
    return false;
}

bool Trail::covers(std::uint64_t taken) const {
    if (taken == 0) return true;
    if (kind_ == Kind::digest) return is_checkable();
    return !samples_.empty() && taken <= samples_.front().end();
}

std::uint64_t Trail::begin(std::uint64_t taken, bool can_restart) const {
    if (!can_restart || covers(taken)) return 0;
    for (auto sample = samples_.rbegin(); sample != samples_.rend(); ++sample)
        if (is_whole(*sample) && sample->end() <= taken) return sample->offset;
    return 0;
}

std::size_t Trail::wants() const {
    switch (kind_) {
        case Kind::nothing: return 0;
        case Kind::samples:
            if (is_sampling()) return bytes_max(samples_.back()) - samples_.back().bytes.size();
            if (samples_.empty()) return first_bytes;
            return taken_ >= next_sample(every_) ? sample_bytes : 0;
        case Kind::digest: return taken_ < bytes_max_ ? bounded(bytes_max_ - taken_) : 0;
    }
    return 0;
}

std::size_t Trail::may_miss() const {
    if (wants() > 0) return 0;
    return kind_ == Kind::samples ? bounded(next_sample(every_) - taken_)
                                  : std::numeric_limits<std::size_t>::max();
}

void Trail::add(std::string_view bytes) {
    if (kind_ == Kind::samples) return add_to_samples(bytes);
    if (kind_ == Kind::digest && taken_ + bytes.size() <= bytes_max_) {
        if (!digest_) digest_.emplace();
        digest_->add(bytes);
        taken_ += bytes.size();
        return;
    }
    miss(bytes.size());
}

void Trail::miss(std::size_t bytes) {
    taken_ += bytes;
    digest_.reset();
}

std::optional<std::string> Trail::digest() const {
    if (!digest_) return std::nullopt;
    return digest_->hex();
}

/// Whether the next byte belongs to the newest sample.
bool Trail::is_sampling() const {
    return !samples_.empty() && samples_.back().end() == taken_ && !is_whole(samples_.back());
}

std::uint64_t Trail::next_sample(std::uint64_t every) const {
    if (samples_.empty()) return 0;
    const auto& last = samples_.back();
    const auto limit = std::numeric_limits<std::uint64_t>::max();
    return every > limit - last.offset ? limit : std::max(last.offset + every, taken_);
}

void Trail::begin_sample() {
    if (samples_.size() == samples_max) samples_.erase(samples_.begin() + 1);
    samples_.push_back({.offset = taken_, .bytes = {}});
    // The first one may belong to a small file and grows as needed.
    if (taken_ > 0) samples_.back().bytes.reserve(sample_bytes);
}

void Trail::add_to_samples(std::string_view bytes) {
    while (!bytes.empty()) {
        if (!is_sampling()) {
            const auto unwanted = next_sample(std::min(every_, copied_every)) - taken_;
            if (unwanted >= bytes.size()) {
                taken_ += bytes.size();
                return;
            }
            taken_ += unwanted;
            bytes.remove_prefix(unwanted);
            begin_sample();
        }
        auto& sample = samples_.back();
        const auto piece = bytes.substr(0, bytes_max(sample) - sample.bytes.size());
        sample.bytes += piece;
        taken_ += piece.size();
        bytes.remove_prefix(piece.size());
    }
}

}  // namespace ballast::relay
