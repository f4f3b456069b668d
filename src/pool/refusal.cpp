// SPDX-License-Identifier: Apache-2.0
#include "pool/refusal.h"

namespace ballast::pool {

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::none_resolved: return "no backend has an address";
        case Refusal::all_down: return "all backends are down";
        case Refusal::all_withdrawn: return "all backends are drained or disabled";
        case Refusal::down_or_withdrawn: return "all backends are down, drained or disabled";
        case Refusal::all_full: return "all backends are full";
        case Refusal::all_tried: return "every backend was tried in vain";
        case Refusal::sticky_down: return "this client's backend is down";
        case Refusal::sticky_withdrawn: return "this client's backend is drained or disabled";
        case Refusal::waited_in_vain: return "all backends are full";
        case Refusal::queue_full: return "all backends are full, and so is the queue";
    }
    return "?";
}

}  // namespace ballast::pool
