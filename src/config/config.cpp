// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <algorithm>

namespace ballast::config {

const Pool* Config::find_pool(const std::string& name) const {
    const auto found = std::ranges::find(pools, name, &Pool::name);
    return found == pools.end() ? nullptr : &*found;
}

}  // namespace ballast::config
