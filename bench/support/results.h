// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::bench {

[[nodiscard]] double median(std::vector<double> values);
/// The quantile: `part` of the values, from 0 to 1, are not larger.
[[nodiscard]] double quantile(std::vector<double> values, double part);

/// Which of two values of a measure is the better one.
enum class Better : bool { less, more };

/// The figures, in the order in which they first came: one value for each round.
class Results {
public:
    /// `baseline` is the target that the others of this measure are divided by.
    void add(std::string_view measure, std::string_view baseline, std::string_view target,
             double value, Better better = Better::less);
    /// The targets among which the best rival of each measure is looked for.
    void set_rivals(std::vector<std::string> rivals) { rivals_ = std::move(rivals); }
    /// The ratios are medians of each round's ratio. A machine that slows down meanwhile does not
    /// change them.
    void print() const;
    /// The same as a list in JSON, with the values of each round.
    [[nodiscard]] std::string json() const;

private:
    struct Series {
        std::string target;
        std::vector<double> values;
    };
    struct Measure {
        std::string name;
        std::string baseline;
        Better better = Better::less;
        std::vector<Series> series;
    };

    /// Null if there is none.
    [[nodiscard]] static const Series* series_of(const Measure& measure, std::string_view target);
    [[nodiscard]] const Series* best_rival_of(const Measure& measure) const;
    /// None beside itself, and without the other.
    [[nodiscard]] static std::optional<double> ratio(const Series& series, const Series* other);
    static std::string ratio_text(const Series& series, const Series* other);
    [[nodiscard]] std::string json_of(const Measure& measure) const;

    std::vector<Measure> measures_;
    std::vector<std::string> rivals_;
};

}  // namespace ballast::bench
