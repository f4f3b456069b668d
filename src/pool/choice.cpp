// SPDX-License-Identifier: Apache-2.0
#include "pool/choice.h"

#include <exception>

namespace ballast::pool {

std::string_view to_string(Unfit unfit) {
    switch (unfit) {
        case Unfit::no: return "";
        case Unfit::withdrawn: return "drained or disabled";
        case Unfit::down: return "down";
        case Unfit::ejected: return "ejected";
        case Unfit::full: return "full";
        case Unfit::tried: return "tried before";
        case Unfit::without_weight: return "its weight is 0";
        case Unfit::later_tier: return "used only if no other can serve";
        case Unfit::not_its_own: return "not the client's own";
    }
    std::terminate();
}

std::string_view to_string(Choice::Why why) {
    switch (why) {
        case Choice::Why::none: return "";
        case Choice::Why::policy: return "policy";
        case Choice::Why::sticky: return "the client sticks to it";
        case Choice::Why::last_resort: return "only ejected ones are left";
    }
    std::terminate();
}

}  // namespace ballast::pool
