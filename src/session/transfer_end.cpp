// SPDX-License-Identifier: Apache-2.0
#include "session/transfer_end.h"

#include <exception>

namespace ballast::session {

Ending ending_of(const EndState& state) {
    switch (state.final_reply) {
        case EndState::Final::none: return Ending::not_yet;
        case EndState::Final::missing: return Ending::failed;
        case EndState::Final::negative:
            // Without a 1xx nothing was promised: a plain "no such file".
            if (!state.is_begun && state.data != EndState::Data::broken) return Ending::refused;
            return Ending::failed_by_backend;
        case EndState::Final::positive:
            switch (state.data) {
                case EndState::Data::pending: return Ending::not_yet;  // 226 before the last byte
                case EndState::Data::whole: return Ending::whole;
                case EndState::Data::broken: return Ending::failed;
            }
    }
    std::terminate();
}

}  // namespace ballast::session
