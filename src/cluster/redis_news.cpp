// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_news.h"

#include <charconv>
#include <cstdint>
#include <fmt/format.h>
#include <utility>

namespace ballast::cluster {

namespace {

std::optional<std::chrono::milliseconds> parse_lifetime(std::string_view text) {
    std::int64_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number <= 0) return std::nullopt;
    return std::chrono::milliseconds(number);
}

/// Takes the first line off; empty if there is no whole one.
std::optional<std::string_view> take_line(std::string_view& text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

/// The value of the field with this name. Unknown fields are of a later version.
const std::string* find_field(const std::vector<RedisReply>& fields, std::string_view name) {
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
        if (fields[i].text == name) return &fields[i + 1].text;
    return nullptr;
}

}  // namespace

std::string kept(const Entry& entry) {
    return fmt::format("{}\n{}\n{}", to_string(entry.stamp), entry.lifetime.count(), entry.value);
}

std::optional<Entry> parse_kept(std::string_view table, std::string_view key,
                                std::string_view text) {
    const auto stamp_line = take_line(text);
    const auto lifetime_line = stamp_line ? take_line(text) : std::nullopt;
    if (!lifetime_line) return std::nullopt;
    auto stamp = parse_stamp(*stamp_line);
    const auto lifetime = parse_lifetime(*lifetime_line);
    if (!stamp || !lifetime) return std::nullopt;
    return Entry{std::string(table), std::string(key), *std::move(stamp), std::string(text),
                 *lifetime};
}

std::vector<std::string> logged(const News& news) {
    if (const auto* const entry = std::get_if<Entry>(&news))
        return {"table", entry->table, "key", entry->key, "kept", kept(*entry)};
    const auto& message = std::get<Message>(news);
    return {"kind", message.kind, "node", message.node, "body", message.body};
}

std::optional<News> parse_logged(const std::vector<RedisReply>& fields) {
    const auto* const table = find_field(fields, "table");
    const auto* const key = find_field(fields, "key");
    const auto* const text = find_field(fields, "kept");
    if (table != nullptr && key != nullptr && text != nullptr) {
        auto entry = parse_kept(*table, *key, *text);
        if (!entry) return std::nullopt;
        return *std::move(entry);
    }
    const auto* const kind = find_field(fields, "kind");
    const auto* const node = find_field(fields, "node");
    const auto* const body = find_field(fields, "body");
    if (kind == nullptr || node == nullptr || body == nullptr) return std::nullopt;
    return Message{*node, *kind, *body};
}

std::size_t bytes_of(const News& news) {
    std::size_t bytes = 0;
    for (const auto& field : logged(news)) bytes += field.size();
    return bytes;
}

}  // namespace ballast::cluster
