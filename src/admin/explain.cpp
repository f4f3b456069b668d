// SPDX-License-Identifier: Apache-2.0
#include "admin/explain.h"

#include "session/story.h"
#include "session/story_text.h"

#include <utility>

namespace ballast::admin {

namespace {

using session::FactField;
using session::StoryEntry;

void append_value(std::string& to, const FactField& field, const StoryEntry::Value& value) {
    constexpr double microseconds = 1e6;
    constexpr double weight_scale = 256;
    using Type = FactField::Type;
    switch (field.type) {
        case Type::text: return append_json(to, value.text);
        case Type::number:
        case Type::number_or_none: return append_json(to, value.number);
        case Type::time:
        case Type::time_or_none:
            return append_json(to, static_cast<double>(value.number) / microseconds);
        case Type::flag: return append_json(to, value.number != 0);
        case Type::weight: return append_json(to, static_cast<double>(value.number) / weight_scale);
    }
}

JsonObject fields_of(const StoryEntry& entry) {
    std::string text;
    char separator = '{';
    std::size_t index = 0;
    for (const auto& field : session::row_of(entry.fact).fields()) {
        const auto& value = entry.values.at(index++);
        if (is_absent(field, value) && field.type != FactField::Type::flag) continue;
        text += std::exchange(separator, ',');
        append_json(text, field.name);
        text += ':';
        append_value(text, field, value);
    }
    text += separator == '{' ? "{}" : "}";
    return {std::move(text)};
}

std::vector<ExplainedEntry> entries_of(std::string_view bytes, Moment began_at) {
    std::vector<ExplainedEntry> entries;
    session::StoryReader reader(bytes);
    while (const auto entry = reader.next())
        entries.push_back({.at = began_at + entry->after,
                           .after = std::chrono::duration<double>(entry->after).count(),
                           .what = std::string(session::row_of(entry->fact).name),
                           .text = sentence_of(*entry),
                           .fields = fields_of(*entry)});
    return entries;
}

}  // namespace

ExplainedSession explain(const SessionStory& story) {
    // A query without restrictions matches each story.
    auto explained = explain(
        session::search({}, story.session, story.began_at, story.ended_at, story.bytes).value());
    explained.entries = entries_of(story.bytes, story.began_at);
    return explained;
}

ExplainedSession explain(const session::StorySummary& summary) {
    return {.session = summary.session,
            .listener = summary.listener,
            .client = summary.client,
            .user = summary.user,
            .pool = summary.pool,
            .backend = summary.backend,
            .began_at = summary.began_at,
            .ended_at = summary.ended_at,
            .reason = summary.end_reason,
            .transfers = summary.transfers,
            .failed_transfers = summary.failed_transfers,
            .bytes = summary.bytes,
            .entries = entries_of(summary.matches, summary.began_at)};
}

}  // namespace ballast::admin
