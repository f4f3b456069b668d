// SPDX-License-Identifier: Apache-2.0
#include "support/results.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>

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
                  double value) {
    Measure& found = found_or_added(measures_, &Measure::name, measure);
    found.baseline = baseline;
    found_or_added(found.series, &Series::target, target).values.push_back(value);
}

void Results::print() const {
    for (const auto& measure : measures_) {
        fmt::print("\n{:<58}{:>9}{:>9}{:>9}  ratio\n", measure.name, "median", "least", "most");
        const auto baseline = std::ranges::find(measure.series, measure.baseline, &Series::target);
        for (const auto& [target, values] : measure.series) {
            const auto [least, most] = std::ranges::minmax(values);
            fmt::print("  {:<56}{:>9}{:>9}{:>9}", target, readable(median(values)), readable(least),
                       readable(most));
            if (baseline != measure.series.end() && baseline->target != target) {
                std::vector<double> ratios;
                for (std::size_t i = 0; i < std::min(values.size(), baseline->values.size()); ++i)
                    ratios.push_back(values[i] / baseline->values[i]);
                fmt::print("  {:.2f} x {}", median(ratios), measure.baseline);
            }
            fmt::print("\n");
        }
    }
}

}  // namespace ballast::bench
