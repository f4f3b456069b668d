// SPDX-License-Identifier: Apache-2.0
#include "pool/thresholds.h"

namespace ballast::pool {

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
