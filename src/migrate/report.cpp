// SPDX-License-Identifier: Apache-2.0
#include "migrate/report.h"

#include "base/json.h"
#include "migrate/secret.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace ballast::migrate {

namespace {

struct Name {
    Outcome outcome;
    std::string_view in_text;
    std::string_view in_json;
};
constexpr auto names = std::to_array<Name>({
    {Outcome::mapped, "mapped", "mapped"},
    {Outcome::approximated, "approximated", "approximated"},
    {Outcome::not_needed, "not needed", "not_needed"},
    {Outcome::left_to_keepalived, "left to keepalived", "left_to_keepalived"},
    {Outcome::left_to_haproxy, "left to HAProxy", "left_to_haproxy"},
    {Outcome::unsupported, "not supported", "unsupported"},
});
static_assert(names.size() == outcome_count);

const Name& name_of(Outcome outcome) { return *std::ranges::find(names, outcome, &Name::outcome); }

constexpr std::size_t text_bytes_max = 1000;

}  // namespace

std::string_view to_string(Outcome outcome) { return name_of(outcome).in_text; }

void Report::add(Place place, std::string_view directive, Outcome outcome, std::string_view text) {
    Entry entry{place, shown(without_secret(directive)), outcome, shown(text, text_bytes_max)};
    if (known_.insert(entry).second) entries_.emplace(std::move(place), std::move(entry));
}

std::vector<Entry> Report::sorted() const {
    std::vector<Entry> result;
    result.reserve(entries_.size());
    for (const auto& [place, entry] : entries_) result.push_back(entry);
    return result;
}

std::size_t Report::count(Outcome outcome) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        entries_, [&](const auto& each) { return each.second.outcome == outcome; }));
}

std::string text_of(const Report& report) {
    std::string text;
    for (const auto& entry : report.sorted())
        fmt::format_to(std::back_inserter(text), "{}: {}: {}: {}\n", to_string(entry.place),
                       to_string(entry.outcome), entry.directive, entry.text);
    std::string counts;
    std::size_t all = 0;
    for (const auto& name : names) {
        const auto count = report.count(name.outcome);
        all += count;
        if (count == 0) continue;
        fmt::format_to(std::back_inserter(counts), "{}{} {}", counts.empty() ? "" : ", ", count,
                       name.in_text);
    }
    return text + fmt::format("{} directives: {}\n", all, counts.empty() ? "none" : counts);
}

std::string json_of(const Report& report) {
    using base::json_string;
    std::string entries;
    for (const auto& entry : report.sorted())
        fmt::format_to(std::back_inserter(entries),
                       R"({}{{"file":{},"line":{},"directive":{},"outcome":"{}","text":{}}})",
                       entries.empty() ? "" : ",\n", json_string(entry.place.file),
                       entry.place.line, json_string(entry.directive),
                       name_of(entry.outcome).in_json, json_string(entry.text));
    std::string summary;
    for (const auto& name : names)
        fmt::format_to(std::back_inserter(summary), R"({}"{}":{})", summary.empty() ? "" : ",",
                       name.in_json, report.count(name.outcome));
    return fmt::format("{{\"entries\":[\n{}\n],\"summary\":{{{}}}}}\n", entries, summary);
}

namespace {

std::string errors_as_text(const std::vector<SyntaxError>& errors) {
    std::string text;
    for (const auto& error : errors) text += to_string(error) + '\n';
    return text;
}

std::string errors_as_json(const std::vector<SyntaxError>& errors) {
    using base::json_string;
    std::string text;
    for (const auto& [place, what, fix] : errors)
        fmt::format_to(std::back_inserter(text), R"({}{{"file":{},"line":{},"what":{},"fix":{}}})",
                       text.empty() ? "" : ",\n", json_string(place.file), place.line,
                       json_string(what), json_string(fix));
    return fmt::format("{{\"errors\":[\n{}\n]}}\n", text);
}

}  // namespace

std::span<const ReportForm> report_forms() {
    static constexpr auto forms = std::to_array<ReportForm>(
        {{"text", text_of, errors_as_text}, {"json", json_of, errors_as_json}});
    return forms;
}

}  // namespace ballast::migrate
