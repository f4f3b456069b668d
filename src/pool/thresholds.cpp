// SPDX-License-Identifier: Apache-2.0
#include "pool/thresholds.h"

#include <exception>

namespace ballast::pool {

std::string_view to_string(Health health) {
    switch (health) {
        case Health::unknown: return "unknown";
        case Health::up: return "up";
        case Health::down: return "down";
    }
    std::terminate();  // -Wswitch makes a missing case a build error
}

std::optional<Health> health_from(std::string_view name) {
    for (const auto each : {Health::unknown, Health::up, Health::down})
        if (to_string(each) == name) return each;
    return std::nullopt;
}

bool Thresholds::succeeded() {
    if (health_ == Health::up) {
        in_a_row_ = 0;
        return false;
    }
    if (health_ == Health::down && ++in_a_row_ < rise_) return false;
    in_a_row_ = 0;
    health_ = Health::up;
    return true;
}

bool Thresholds::failed() {
    if (health_ == Health::down) {
        in_a_row_ = 0;
        return false;
    }
    if (health_ == Health::up && ++in_a_row_ < fall_) return false;
    in_a_row_ = 0;
    health_ = Health::down;
    return true;
}

}  // namespace ballast::pool
