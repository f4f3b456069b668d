// SPDX-License-Identifier: Apache-2.0
#include "session/phase.h"

namespace ballast::session {

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::securing: return "securing";
        case Phase::greeting: return "greeting";
        case Phase::idle: return "idle";
        case Phase::choosing: return "choosing";
        case Phase::queued: return "queued";
        case Phase::working: return "working";
        case Phase::in_transfer: return "in transfer";
        case Phase::moving: return "moving to another backend";
        case Phase::sealed: return "passed through";
        case Phase::closing: return "closing";
    }
    return "?";
}

}  // namespace ballast::session
