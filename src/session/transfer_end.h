// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ballast::session {

/// All that decides how a transfer ends.
struct EndState {
    enum class Data : std::uint8_t {
        pending,  ///< not connected yet, or moving
        whole,    ///< ended properly, every byte is in the receiver's socket
        broken,   ///< reset, stalled, never connected, cut by us
    };
    enum class Final : std::uint8_t {
        none,      ///< not yet
        positive,  ///< 2xx
        negative,  ///< 4xx, 5xx
        missing,   ///< will never come: connection lost, or too late
    };
    Data data = Data::pending;
    Final final_reply = Final::none;
    bool is_begun = false;  ///< a 1xx was passed on
};

enum class Ending : std::uint8_t {
    not_yet,
    whole,              ///< end the client's data properly, pass the reply on
    refused,            ///< pass the reply on; no data was begun, none is broken
    failed_by_backend,  ///< reset the client's data, pass the backend's reply on
    failed,             ///< reset the client's data, say why ourselves
};

/// A transfer is whole when its data ended properly *and* the backend said 2xx; nothing else ever
/// looks like a proper end to anybody. A negative reply keeps its own words.
[[nodiscard]] Ending ending_of(const EndState& state);

}  // namespace ballast::session
