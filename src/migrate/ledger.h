// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/place.h"
#include "migrate/report.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate {

/// What became of each directive, where one line may apply to several parts of a configuration. It
/// is reported once, with the outcome that asks most of the operator.
class Ledger {
public:
    void add(const Place& place, const std::string& directive, Outcome outcome,
             std::string_view text);

    [[nodiscard]] bool has(const Place& place) const { return places_.contains(place); }
    /// Whether something of the line was reported as unsupported.
    [[nodiscard]] bool has_unsupported(const Place& place) const;
    [[nodiscard]] Report report() const;

private:
    struct Line {
        std::string directive;
        Outcome outcome;
        std::string text;
    };
    std::map<Place, std::vector<Line>> places_;
};

}  // namespace ballast::migrate
