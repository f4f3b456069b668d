// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::bench {

[[nodiscard]] double median(std::vector<double> values);
/// The quantile: `part` of the values, from 0 to 1, are not larger.
[[nodiscard]] double quantile(std::vector<double> values, double part);

/// The figures, in the order in which they first came: one value for each round.
class Results {
public:
    /// `baseline` is the target that the others of this measure are divided by.
    void add(std::string_view measure, std::string_view baseline, std::string_view target,
             double value);
    /// The ratios are medians of each round's ratio. A machine that slows down meanwhile does not
    /// change them.
    void print() const;

private:
    struct Series {
        std::string target;
        std::vector<double> values;
    };
    struct Measure {
        std::string name;
        std::string baseline;
        std::vector<Series> series;
    };

    std::vector<Measure> measures_;
};

}  // namespace ballast::bench
