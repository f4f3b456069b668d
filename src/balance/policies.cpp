// SPDX-License-Identifier: Apache-2.0
#include "balance/policies.h"

#include <algorithm>

namespace ballast::balance {

const NamedPolicy* find_policy(std::string_view name) {
    const auto* const found = std::ranges::find(policies, name, &NamedPolicy::name);
    return found == policies.end() ? nullptr : found;
}

}  // namespace ballast::balance
