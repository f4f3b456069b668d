// SPDX-License-Identifier: Apache-2.0
#include "cluster/counts.h"

#include "cluster/fields.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace ballast::cluster {

namespace {

using guard::Sharing;
using std::chrono::milliseconds;

constexpr int slice_shift = 64 - std::countr_zero(Counts::slices);
static_assert(std::has_single_bit(Counts::slices));

constexpr std::size_t nodes_max = 1000;
/// Users and addresses of one node.
constexpr std::size_t counts_max = 2'000'000;
constexpr std::size_t bytes_each = sizeof(std::uint64_t) + sizeof(std::uint32_t);
/// To be told.
constexpr std::size_t changed_max = 100'000;
/// In one message.
constexpr std::size_t told_max = 20'000;
/// In one slice; the store takes no larger value.
constexpr std::size_t slice_max = 80'000;

template <typename Number>
void append(std::string& to, Number number) {
    for (int shift = sizeof(Number) * 8 - 8; shift >= 0; shift -= 8)
        to += static_cast<char>(static_cast<unsigned char>(number >> shift));
}

template <typename Number>
Number number_from(std::string_view bytes) {
    Number number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i)
        number = static_cast<Number>((number << 8) | static_cast<unsigned char>(bytes[i]));
    return number;
}

std::string bytes_of(std::span<const Sharing::Count> counts) {
    std::string bytes;
    for (const auto& each : counts) {
        append(bytes, each.who);
        append(bytes, each.sessions);
    }
    return bytes;
}

std::vector<Sharing::Count> counts_from(std::string_view bytes) {
    std::vector<Sharing::Count> counts;
    for (; bytes.size() >= bytes_each; bytes.remove_prefix(bytes_each))
        counts.push_back({number_from<std::uint64_t>(bytes),
                          number_from<std::uint32_t>(bytes.substr(sizeof(std::uint64_t)))});
    return counts;
}

std::size_t slice_with(std::uint64_t who) { return static_cast<std::size_t>(who >> slice_shift); }

std::string key_of(std::string_view node, std::size_t slice) {
    return fmt::format("{}/{}", node, slice);
}

/// The slice's number, if the key is of that node.
std::optional<std::size_t> slice_from(std::string_view key, std::string_view node) {
    for (std::size_t slice = 0; slice < Counts::slices; ++slice)
        if (key == key_of(node, slice)) return slice;
    return std::nullopt;
}

}  // namespace

// What this node has

void Counts::changed(std::span<const Sharing::Count> counts) {
    for (const auto& each : counts) changed_[each.who] = each.sessions;
    // Nobody takes them while the store is away. The slices say the same.
    if (changed_.size() > changed_max) repeat();
}

/// The store may have slices of a process that was here before.
void Counts::repeat() {
    changed_.clear();
    due_.fill(true);
}

void Counts::beat() {
    due_.at(next_slice_) = true;
    next_slice_ = (next_slice_ + 1) % slices;
    forget_dead_nodes();
}

std::vector<News> Counts::take(std::size_t max) {
    std::vector<News> news;
    while (!changed_.empty() && news.size() < max) {
        std::vector<Sharing::Count> some;
        while (!changed_.empty() && some.size() < told_max) {
            some.push_back({changed_.begin()->first, changed_.begin()->second});
            changed_.erase(changed_.begin());
        }
        told_ = exchange_.stamp(told_);
        Fields fields;
        fields.add("at", told_.at.count());
        fields.add("counts", bytes_of(some));
        news.emplace_back(
            Message{.node = exchange_.node(), .kind = std::string(name()), .body = fields.bytes()});
    }
    for (std::size_t slice = 0; slice < slices && news.size() < max; ++slice) {
        if (!std::exchange(due_.at(slice), false)) continue;
        news.emplace_back(slice_of(slice));
    }
    return news;
}

/// Also if there is nothing in it: a node that was away may have missed that it became empty.
Entry Counts::slice_of(std::size_t slice) {
    std::vector<Sharing::Count> counts;
    auto after = slice == 0 ? 0 : (std::uint64_t{slice} << slice_shift) - 1;
    do {
        const auto some = ledger_.counts(after, 1000);
        for (const auto& each : some.counts)
            if (slice_with(each.who) == slice) counts.push_back(each);
        after = some.next;
    } while (after != 0 && slice_with(after) == slice && counts.size() < slice_max);
    told_ = exchange_.stamp(told_);
    Fields fields;
    fields.add("counts", bytes_of(counts));
    return Entry{.table = std::string(name()),
                 .key = key_of(exchange_.node(), slice),
                 .stamp = told_,
                 .value = fields.bytes(),
                 .lifetime = 4 * slices * exchange_.heartbeat()};
}

// What others have

Counts::OfNode* Counts::node(const std::string& name) {
    if (!nodes_.contains(name) && nodes_.size() >= nodes_max) return nullptr;
    return &nodes_[name];
}

bool Counts::note(OfNode& node, const Sharing::Count& count, milliseconds at) {
    if (!node.counts.contains(count.who) && node.counts.size() >= counts_max) return false;
    auto& known = node.counts[count.who];
    if (known.at > at) return false;
    // A zero stays for a while: a slice that was written before must not bring it back.
    known = {count.sessions, at};
    return true;
}

void Counts::hear(const Message& message) {
    const auto fields = Fields::parse(message.body);
    const auto at = fields ? fields->number<milliseconds::rep>("at") : std::nullopt;
    auto* const of = at ? node(message.node) : nullptr;
    if (of == nullptr) return;
    std::vector<Who> changed;
    for (const auto& each : counts_from(fields->text("counts")))
        if (note(*of, each, milliseconds(*at))) changed.push_back(each.who);
    sum(changed);
}

/// What is not in the slice has gone, unless a later message says otherwise.
void Counts::learn(const Entry& entry) {
    const auto& from = entry.stamp.node;
    const auto slice = slice_from(entry.key, from);
    const auto fields = Fields::parse(entry.value);
    if (!slice || !fields || from == exchange_.node()) return;
    auto* const of = node(from);
    if (of == nullptr || entry.stamp <= of->learned.at(*slice)) return;
    of->learned.at(*slice) = entry.stamp;
    std::vector<Who> changed;
    for (const auto& each : counts_from(fields->text("counts")))
        if (slice_with(each.who) == *slice && note(*of, each, entry.stamp.at))
            changed.push_back(each.who);
    std::erase_if(of->counts, [&](const auto& each) {
        const auto& [who, known] = each;
        const bool is_over = slice_with(who) == *slice && known.at < entry.stamp.at;
        if (is_over && known.sessions > 0) changed.push_back(who);
        return is_over;
    });
    sum(changed);
}

void Counts::forget(const std::string& node) {
    const auto known = nodes_.find(node);
    if (known == nodes_.end()) return;
    std::vector<Who> changed;
    for (const auto& [who, count] : known->second.counts) changed.push_back(who);
    nodes_.erase(known);
    sum(changed);
}

/// The slices of a node are in the store for longer than it is missed.
void Counts::forget_dead_nodes() {
    std::vector<std::string> dead;
    for (auto& [name, node] : nodes_) {
        node.beats_unknown = others_.others().contains(name) ? 0 : node.beats_unknown + 1;
        if (node.beats_unknown > Nodes::beats_of_silence) dead.push_back(name);
    }
    for (const auto& each : dead) forget(each);
}

void Counts::sum(std::span<const Who> changed) {
    std::vector<Sharing::Count> sums;
    for (const auto who : changed) {
        std::uint64_t sessions = 0;
        for (const auto& [name, node] : nodes_)
            if (const auto count = node.counts.find(who); count != node.counts.end())
                sessions += count->second.sessions;
        sums.push_back(
            {who, static_cast<std::uint32_t>(std::min<std::uint64_t>(sessions, UINT32_MAX))});
    }
    if (!sums.empty()) ledger_.set_elsewhere(sums);
}

}  // namespace ballast::cluster
