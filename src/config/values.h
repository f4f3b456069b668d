// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/places.h"
#include "config/problem.h"
#include "config/settings.h"
#include "config/toml_text.h"

#include <string>
#include <vector>

namespace ballast::config {

/// Puts values of the file into the structs, by the kinds of their settings, and collects problems.
/// Refers to objects of the loader.
class Values {
public:
    Values(Places& places, std::vector<Problem>& problems) : places_(places), problems_(problems) {}

    /// `path` is the setting's key with the tables around it. A refused value leaves the struct
    /// unchanged.
    void take(const toml::node& node, const std::string& path, const Setting& setting, Record into);

private:
    Places& places_;
    std::vector<Problem>& problems_;
};

}  // namespace ballast::config
