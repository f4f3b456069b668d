// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metrics/counters.h"
#include "metrics/families.h"
#include "metrics/histogram.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::metrics {

/// A page of metrics in Prometheus' text format 0.0.4. Not for hot paths: it allocates.
class Exposition {
public:
    static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

    Exposition();
    ~Exposition();
    Exposition(const Exposition&) = delete;
    Exposition& operator=(const Exposition&) = delete;

    using LabelValues = std::initializer_list<std::string_view>;
    /// A counter or gauge. One value for each label of the family, in the order of its row.
    void add(Family family, LabelValues values, double number);
    void add(Family family, LabelValues values, const Histogram::Reading& reading);
    /// All that the process counts without regard to listeners and backends: counters, commands and
    /// transfers.
    void add_counts();

    /// In the order of the families' rows; families without samples are left out.
    [[nodiscard]] std::string text() const;

private:
    struct Families;  // hides the library
    std::unique_ptr<Families> families_;
};

/// Whether `Exposition::add_counts` shows a counter, for the test that none is forgotten.
[[nodiscard]] bool is_exposed(Counter counter);

}  // namespace ballast::metrics
