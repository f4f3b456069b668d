// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/places.h"
#include "config/problem.h"

#include <string>
#include <utility>
#include <vector>

namespace ballast::config {

/// Collects what a check finds, with the place in the file. Refers to objects of the loader.
class Findings {
public:
    Findings(const Places& places, std::vector<Problem>& problems)
        : places_(places), problems_(problems) {}

    void add(const std::string& key, std::string what, std::string fix) {
        problems_.push_back({places_.of(key), std::move(what), std::move(fix)});
    }
    void warn(const std::string& key, std::string what, std::string fix) {
        problems_.push_back({places_.of(key), std::move(what), std::move(fix), Severity::warning});
    }
    /// Whether the struct has the file's value. Otherwise the value was refused and reported.
    [[nodiscard]] bool holds(const std::string& key) const { return !places_.is_refused(key); }
    [[nodiscard]] bool is_said(const std::string& key) const { return places_.is_said(key); }

private:
    const Places& places_;
    std::vector<Problem>& problems_;
};

}  // namespace ballast::config
