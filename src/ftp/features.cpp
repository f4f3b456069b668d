// SPDX-License-Identifier: Apache-2.0
#include "ftp/features.h"

#include "base/ascii.h"

#include <algorithm>
#include <set>
#include <vector>

namespace ballast::ftp {

namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::string_view item_separators = "; \t\r";

std::string_view take_until(std::string_view& text, char separator) {
    const auto part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
}

/// MLST facts, LANG tags and HASH algorithms are lists with ';', others are words. Items contain no
/// blanks, so a list with one item reads the same either way.
std::vector<std::string_view> items_of(std::string_view parameters) {
    std::vector<std::string_view> items;
    for (;;) {
        parameters.remove_prefix(
            std::min(parameters.find_first_not_of(item_separators), parameters.size()));
        if (parameters.empty()) return items;
        items.push_back(parameters.substr(0, parameters.find_first_of(item_separators)));
        parameters.remove_prefix(items.back().size());
    }
}

/// RFC 3659 7.8, RFC 2640 4.3: a '*' marks an item that is in use, and is not part of the name.
/// Several count as one. An item of only '*' is a name.
std::string_view unmarked(std::string_view item) {
    const auto last = item.find_last_not_of('*');
    return last == std::string_view::npos ? item : item.substr(0, last + 1);
}

bool is_marked(std::string_view item) { return unmarked(item).size() < item.size(); }

/// The names of all items of all lines in upper case, and whether they are marked.
using Offered = std::map<std::string, bool, std::less<>>;

Offered offered_items(std::string_view lines) {
    Offered offered;
    while (!lines.empty())
        for (const auto item : items_of(take_until(lines, '\n')))
            offered[base::upper(unmarked(item))] |= is_marked(item);
    return offered;
}

/// Returns one line of parameters without the items that are not offered.
std::string restricted(std::string_view parameters, const Offered& offered) {
    const char separator = parameters.contains(';') ? ';' : ' ';
    std::string kept;
    for (const auto item : items_of(parameters)) {
        const auto found = offered.find(base::upper(unmarked(item)));
        if (found == offered.end()) continue;
        if (!kept.empty() && separator == ' ') kept += ' ';
        kept += unmarked(item);
        if (found->second && is_marked(item)) kept += '*';
        if (separator == ';') kept += ';';
    }
    // In RFC 3659 7.8 each fact ends with ';'. In RFC 2640 4.3 it only separates tags.
    if (!parameters.ends_with(';') && kept.ends_with(';')) kept.pop_back();
    return kept;
}

/// Appends the line unless it is there already.
void append_line(std::string& lines, std::string_view line) {
    for (std::string_view rest = lines; !rest.empty();)
        if (take_until(rest, '\n') == line) return;
    if (!lines.empty()) lines += '\n';
    lines += line;
}

/// Replaces bytes by a space if they would end the reply's line or the label.
std::string on_one_line(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(line, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
    return std::string(base::trimmed(line, blanks));
}

}  // namespace

Features Features::parse(std::string_view reply_text) {
    Features features;
    constexpr std::string_view opening = "211-";
    if (!reply_text.starts_with(opening)) return features;
    (void)take_until(reply_text, '\n');
    while (!reply_text.empty()) {
        auto line = take_until(reply_text, '\n');
        if (reply_text.empty()) break;  // "211 End"
        // RFC 2389 3.2 demands a leading space. Some servers repeat the code, some do neither.
        if (line.starts_with(opening)) line.remove_prefix(opening.size());
        const auto feature = on_one_line(line);
        const auto label_end = std::min(feature.find_first_of(blanks), feature.size());
        if (label_end == 0) continue;
        const auto parameters = base::trimmed(std::string_view(feature).substr(label_end), blanks);
        auto& known =
            features.features_[base::upper(std::string_view(feature).substr(0, label_end))];
        if (!parameters.empty()) append_line(known, parameters);
    }
    return features;
}

void Features::add(std::string_view label, std::string_view parameters) {
    features_.insert_or_assign(base::upper(on_one_line(label)), on_one_line(parameters));
}

void Features::remove(std::string_view label) { features_.erase(base::upper(label)); }

void Features::mark(std::string_view label, std::string_view chosen, Mark how) {
    const auto found = features_.find(base::upper(label));
    if (found == features_.end()) return;
    std::set<std::string, std::less<>> wanted;
    for (const auto item : items_of(chosen)) wanted.insert(base::upper(item));
    std::string marked;
    bool is_any_marked = false;
    for (std::string_view lines = found->second; !lines.empty();) {
        const auto line = take_until(lines, '\n');
        if (!marked.empty()) marked += '\n';
        for (std::size_t end = 0; end < line.size();) {
            // Keep the server's separators between items.
            const auto begin = std::min(line.find_first_not_of(item_separators, end), line.size());
            marked += line.substr(end, begin - end);
            end = std::min(line.find_first_of(item_separators, begin), line.size());
            const auto name = unmarked(line.substr(begin, end - begin));
            marked += name;
            if (name.empty() || !wanted.contains(base::upper(name))) continue;
            marked += '*';
            is_any_marked = true;
        }
    }
    if (how == Mark::listed || is_any_marked) found->second = std::move(marked);
}

bool Features::has(std::string_view label) const { return features_.contains(base::upper(label)); }

std::string_view Features::parameters(std::string_view label) const {
    const auto found = features_.find(base::upper(label));
    return found == features_.end() ? std::string_view{} : found->second;
}

bool Features::has_rest_stream() const {
    auto lines = parameters("REST");
    while (!lines.empty())
        for (const auto item : items_of(take_until(lines, '\n')))
            if (base::upper(unmarked(item)) == "STREAM") return true;
    return false;
}

Features Features::intersect(const Features& other) const {
    Features both;
    for (const auto& [label, ours] : features_) {
        const auto theirs = other.features_.find(label);
        if (theirs == other.features_.end()) continue;
        const auto offered = offered_items(theirs->second);
        std::string kept;
        for (std::string_view lines = ours; !lines.empty();)
            if (const auto line = restricted(take_until(lines, '\n'), offered); !line.empty())
                append_line(kept, line);
        both.features_.emplace(label, std::move(kept));
    }
    return both;
}

std::string Features::to_lines() const {
    std::string text;
    for (const auto& [label, parameters] : features_) {
        std::string_view lines = parameters;
        do {
            const auto line = take_until(lines, '\n');
            text.append(" ").append(label);
            if (!line.empty()) text.append(" ").append(line);
            text.append("\r\n");
        } while (!lines.empty());
    }
    return text;
}

}  // namespace ballast::ftp
