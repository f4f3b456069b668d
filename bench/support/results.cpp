// SPDX-License-Identifier: Apache-2.0
#include "support/results.h"

#include "support/json.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ballast::bench {

namespace {

/// Three significant digits.
std::string readable(double value) {
    if (value >= 100) return fmt::format("{:.0f}", value);
    if (value >= 10) return fmt::format("{:.1f}", value);
    return fmt::format("{:.{}f}", value, value >= 1 ? 2 : 3);
}

template <typename Items, typename Item>
Item& found_or_added(Items& items, std::string Item::* name, std::string_view wanted) {
    const auto place = std::ranges::find(items, wanted, name);
    if (place != items.end()) return *place;
    items.emplace_back().*name = wanted;
    return items.back();
}

}  // namespace

double quantile(std::vector<double> values, double part) {
    if (values.empty()) return std::nan("");
    const auto place = std::lround(part * static_cast<double>(values.size() - 1));
    std::ranges::nth_element(values, values.begin() + place);
    return values[static_cast<std::size_t>(place)];
}

double median(std::vector<double> values) {
    if (values.size() % 2 != 0) return quantile(std::move(values), 0.5);
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.empty() ? std::nan("") : (values[middle - 1] + values[middle]) / 2;
}

void Results::add(std::string_view measure, std::string_view baseline, std::string_view target,
                  double value, Better better) {
    Measure& found = found_or_added(measures_, &Measure::name, measure);
    found.baseline = baseline;
    found.better = better;
    found_or_added(found.series, &Series::target, target).values.push_back(value);
}

const Results::Series* Results::series_of(const Measure& measure, std::string_view target) {
    const auto place = std::ranges::find(measure.series, target, &Series::target);
    return place == measure.series.end() ? nullptr : &*place;
}

const Results::Series* Results::best_rival_of(const Measure& measure) const {
    const Series* best = nullptr;
    for (const auto& name : rivals_) {
        const Series* const rival = series_of(measure, name);
        if (rival == nullptr) continue;
        const bool is_more = best != nullptr && median(rival->values) > median(best->values);
        if (best == nullptr || is_more == (measure.better == Better::more)) best = rival;
    }
    return best;
}

std::optional<double> Results::ratio(const Series& series, const Series* other) {
    if (other == nullptr || other == &series) return std::nullopt;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(series.values.size(), other->values.size()); ++i)
        if (other->values[i] != 0) ratios.push_back(series.values[i] / other->values[i]);
    if (ratios.empty()) return std::nullopt;
    return median(ratios);
}

std::string Results::ratio_text(const Series& series, const Series* other) {
    const auto number = ratio(series, other);
    return number ? fmt::format("{:.2f} x {}", *number, other->target) : "";
}

void Results::print() const {
    for (const auto& measure : measures_) {
        const Series* const baseline = series_of(measure, measure.baseline);
        const Series* const rival = best_rival_of(measure);
        fmt::print("\n{:<50}{:>9}{:>9}{:>9}  ratio\n", measure.name, "median", "least", "most");
        for (const auto& series : measure.series) {
            const auto [least, most] = std::ranges::minmax(series.values);
            const auto line =
                fmt::format("  {:<48}{:>9}{:>9}{:>9}  {:<18}  {}", series.target,
                            readable(median(series.values)), readable(least), readable(most),
                            ratio_text(series, baseline), ratio_text(series, rival));
            fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
        }
    }
}

std::string Results::json_of(const Measure& measure) const {
    const Series* const baseline = series_of(measure, measure.baseline);
    const Series* const rival = best_rival_of(measure);
    std::vector<std::string> all;
    all.reserve(measure.series.size());
    for (const auto& series : measure.series) {
        const auto [least, most] = std::ranges::minmax(series.values);
        all.push_back(
            JsonObject()
                .add("target", series.target)
                .add("median", median(series.values))
                .add("least", least)
                .add("most", most)
                .add_text("values", fmt::format("[{:.6g}]", fmt::join(series.values, ",")))
                .add("of_baseline", ratio(series, baseline))
                .add("of_best_rival", ratio(series, rival))
                .text());
    }
    return JsonObject()
        .add("name", measure.name)
        .add("better", measure.better == Better::more ? "more" : "less")
        .add("baseline", baseline == nullptr ? "" : baseline->target)
        .add("best_rival", rival == nullptr ? "" : rival->target)
        .add_text("series", json_list(all))
        .text();
}

std::string Results::json() const {
    std::vector<std::string> all;
    all.reserve(measures_.size());
    for (const auto& measure : measures_) all.push_back(json_of(measure));
    return json_list(all);
}

}  // namespace ballast::bench
