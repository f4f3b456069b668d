// SPDX-License-Identifier: Apache-2.0
#include "session/story_text.h"

#include <fmt/format.h>
#include <iterator>
#include <string_view>

namespace ballast::session {

namespace {

using Type = FactField::Type;

void append_time(std::string& to, std::uint64_t microseconds) {
    constexpr double per_millisecond = 1'000;
    constexpr double per_second = 1'000'000;
    const auto time = static_cast<double>(microseconds);
    if (time < per_second)
        fmt::format_to(std::back_inserter(to), "{:.3g} ms", time / per_millisecond);
    else
        fmt::format_to(std::back_inserter(to), "{:.1f} s", time / per_second);
}

void append_value(std::string& to, const FactField& field, const StoryEntry::Value& value) {
    constexpr double weight_scale = 256;
    switch (field.type) {
        case Type::text: to += value.text; return;
        case Type::number:
        case Type::number_or_none: to += std::to_string(value.number); return;
        case Type::time:
        case Type::time_or_none: return append_time(to, value.number);
        case Type::flag: return;
        case Type::weight:
            fmt::format_to(std::back_inserter(to), "{:g}",
                           static_cast<double>(value.number) / weight_scale);
    }
}

/// "(s)" stands for an s unless the number before it is 1.
void append_words(std::string& to, std::string_view words, bool is_after_one) {
    constexpr std::string_view plural = "(s)";
    const auto at = words.find(plural);
    to += words.substr(0, at);
    if (at == std::string_view::npos) return;
    if (!is_after_one) to += 's';
    to += words.substr(at + plural.size());
}

/// Adds a part of a sentence without brackets. False: one of its fields has no value.
bool append_part(std::string& to, std::string_view part, const StoryEntry& entry) {
    const auto& row = row_of(entry.fact);
    bool has_all = true;
    bool is_after_one = false;
    while (!part.empty()) {
        const auto open = std::min(part.find('{'), part.size());
        const auto words = part.substr(0, open);
        // Many texts end with a stop of their own.
        const bool has_stop = words.starts_with('.') && to.ends_with('.');
        append_words(to, has_stop ? words.substr(1) : words, is_after_one);
        part.remove_prefix(open);
        if (part.empty()) break;
        const auto close = part.find('}');
        const auto index = row.index_of(part.substr(1, close - 1));
        const auto& field = row.all_fields.at(index);
        has_all = has_all && !is_absent(field, entry.values.at(index));
        append_value(to, field, entry.values.at(index));
        is_after_one = field.type != Type::text && entry.values.at(index).number == 1;
        part.remove_prefix(close + 1);
    }
    return has_all;
}

}  // namespace

bool is_absent(const FactField& field, const StoryEntry::Value& value) {
    switch (field.type) {
        case Type::text: return value.text.empty();
        case Type::number_or_none:
        case Type::time_or_none:
        case Type::flag: return value.number == 0;
        case Type::number:
        case Type::time:
        case Type::weight: return false;
    }
    return false;
}

std::string sentence_of(const StoryEntry& entry) {
    std::string sentence;
    auto rest = row_of(entry.fact).sentence;
    while (!rest.empty()) {
        const auto open = std::min(rest.find('['), rest.size());
        (void)append_part(sentence, rest.substr(0, open), entry);
        rest.remove_prefix(open);
        if (rest.empty()) break;
        const auto close = rest.find(']');
        const auto before = sentence.size();
        if (!append_part(sentence, rest.substr(1, close - 1), entry)) sentence.resize(before);
        rest.remove_prefix(close + 1);
    }
    return sentence;
}

}  // namespace ballast::session
