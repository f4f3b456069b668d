// SPDX-License-Identifier: Apache-2.0
#include "session/story.h"

#include "session/stories.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

namespace ballast::session {

namespace {

// An entry: its size in two bytes, the fact in one, the time, and the values. Numbers have seven
// bits in each byte, the lowest first, and a high bit if more follow. Texts have their size before
// them.
constexpr std::size_t number_bytes_max = 10;
constexpr std::size_t head_bytes = 3;
constexpr std::string_view cut_mark = "...";

constexpr std::size_t first_bytes = 512;

char* put_number(char* to, std::uint64_t number) {
    while (number >= 0x80) {
        *to++ = static_cast<char>(number | 0x80);
        number >>= 7;
    }
    *to++ = static_cast<char>(number);
    return to;
}

char* put_bytes(char* to, std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return to + bytes.size();
}

/// Of a path, both ends tell more than the middle.
char* put_text(char* to, std::string_view text) {
    constexpr auto max = Story::text_bytes_max;
    if (text.size() <= max) return put_bytes(put_number(to, text.size()), text);
    constexpr auto front = max / 2;
    constexpr auto back = max - front - cut_mark.size();
    to = put_bytes(put_number(to, max), text.substr(0, front));
    return put_bytes(put_bytes(to, cut_mark), text.substr(text.size() - back));
}

std::size_t bytes_needed(std::initializer_list<Story::Value> values) {
    std::size_t bytes = head_bytes + number_bytes_max;
    for (const auto& value : values)
        bytes += number_bytes_max + std::min(value.text.size(), Story::text_bytes_max);
    return bytes;
}

[[maybe_unused]] bool fits(Fact fact, std::initializer_list<Story::Value> values) {
    const auto fields = row_of(fact).fields();
    return std::ranges::equal(fields, values, [](const FactField& field, const auto& value) {
        return (field.type == FactField::Type::text) == value.is_text;
    });
}

/// `to` has room. Returns the end.
char* put_entry(char* to, std::uint64_t after, Fact fact,
                std::initializer_list<Story::Value> values) {
    assert(fits(fact, values));
    char* const begin = to;
    to[2] = static_cast<char>(fact);
    to = put_number(to + head_bytes, after);
    for (const auto& value : values)
        to = value.is_text ? put_text(to, value.text) : put_number(to, value.number);
    const auto size = static_cast<std::uint16_t>(to - begin);
    std::memcpy(begin, &size, sizeof size);
    return to;
}

std::uint64_t take_number(std::string_view& bytes) {
    std::uint64_t number = 0;
    for (unsigned shift = 0; !bytes.empty() && shift < 64; shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        number |= std::uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80) break;
    }
    return number;
}

}  // namespace

Story::Story(Stories* stories, loop::Time began)
    : stories_(stories != nullptr && stories->are_kept() ? stories : nullptr),
      began_(began),
      began_at_(std::chrono::system_clock::now()) {}

Story::~Story() {
    if (is_kept())
        stories_->give_back(std::size_t{beginning_.capacity} + older_.capacity + newer_.capacity);
}

void Story::append(loop::Time now, Fact fact, std::initializer_list<Value> values) {
    auto& part = part_for(bytes_needed(values));
    const auto after = std::chrono::duration_cast<std::chrono::microseconds>(now - began_);
    char* const end = put_entry(part.bytes.get() + part.size,
                                static_cast<std::uint64_t>(after.count()), fact, values);
    part.size = static_cast<std::uint32_t>(end - part.bytes.get());
    ++part.entries;
}

/// Where an entry of at most this size goes.
Story::Part& Story::part_for(std::size_t bytes) {
    if (!has_begun_) {
        if (beginning_.room() >= bytes ||
            grow(beginning_, bytes, beginning_bytes_max, beginning_bytes_max))
            return beginning_;
        has_begun_ = true;
    }
    if (newer_.room() >= bytes || grow(newer_, bytes, latest_bytes_min / 2, latest_bytes_max / 2))
        return newer_;
    left_out_ += older_.entries;
    std::swap(older_, newer_);
    newer_.size = 0;
    newer_.entries = 0;
    // The largest entry must fit.
    if (newer_.room() < bytes) (void)grow(newer_, bytes, latest_bytes_max, latest_bytes_max);
    return newer_;
}

/// Makes room for so many more bytes. False: the part must not become so large. Up to `bytes_own`
/// it needs nobody's leave.
bool Story::grow(Part& part, std::size_t bytes, std::size_t bytes_own, std::size_t bytes_max) {
    const auto needed = part.size + bytes;
    if (needed > bytes_max) return false;
    std::size_t capacity = std::max<std::size_t>(part.capacity, first_bytes);
    while (capacity < needed) capacity *= 2;
    capacity = std::min(capacity, bytes_max);
    // If there is no memory for it, nothing is taken.
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);  // NOLINT
    if (!stories_->take(capacity - part.capacity, capacity <= bytes_own)) return false;
    if (part.size > 0) std::memcpy(larger.get(), part.bytes.get(), part.size);
    part.bytes = std::move(larger);
    part.capacity = static_cast<std::uint32_t>(capacity);
    return true;
}

std::string Story::copy() const {
    std::string all;
    const auto add = [&](const Part& part) { all.append(part.bytes.get(), part.size); };
    // Exact, so that an archive of copies wastes nothing.
    constexpr std::size_t gap_bytes_max = head_bytes + 3 * number_bytes_max;
    all.reserve(std::size_t{beginning_.size} + older_.size + newer_.size +
                (left_out_ > 0 ? gap_bytes_max : 0));
    if (beginning_.size > 0) add(beginning_);
    if (left_out_ > 0) {
        const auto first = older_.size > 0 ? StoryReader({older_.bytes.get(), older_.size}).next()
                                           : std::optional<StoryEntry>();
        append_entry(all, first ? first->after : std::chrono::microseconds(), Fact::left_out,
                     {left_out_});
    }
    if (older_.size > 0) add(older_);
    if (newer_.size > 0) add(newer_);
    return all;
}

void append_entry(std::string& bytes, std::chrono::microseconds after, Fact fact,
                  std::initializer_list<Story::Value> values) {
    const auto before = bytes.size();
    bytes.resize(before + bytes_needed(values));
    const char* const end =
        put_entry(bytes.data() + before, static_cast<std::uint64_t>(after.count()), fact, values);
    bytes.resize(static_cast<std::size_t>(end - bytes.data()));
}

std::optional<StoryEntry> StoryReader::next(FactSet facts) {
    StoryEntry entry;
    do {
        if (rest_.size() < head_bytes) return std::nullopt;
        std::uint16_t size = 0;
        std::memcpy(&size, rest_.data(), sizeof size);
        assert(size >= head_bytes && size <= rest_.size());
        entry.bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        entry.fact = static_cast<Fact>(entry.bytes[2]);
    } while ((facts & set_of({entry.fact})) == 0);
    auto bytes = entry.bytes.substr(head_bytes);
    entry.after = std::chrono::microseconds(take_number(bytes));
    std::size_t index = 0;
    for (const auto& field : row_of(entry.fact).fields()) {
        auto& value = entry.values.at(index++);
        value.number = take_number(bytes);
        if (field.type != FactField::Type::text) continue;
        value.text = bytes.substr(0, value.number);
        bytes.remove_prefix(value.text.size());
    }
    return entry;
}

}  // namespace ballast::session
