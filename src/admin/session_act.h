// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/view.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace ballast::admin {

/// Which sessions somebody wants to see.
struct SessionQuery {
    std::string after;  ///< only ids above it
    std::size_t max;
    /// Called on the control thread, while the query is waited for.
    std::function<bool(const session::View&)> is_wanted;
};

enum class SessionAct : std::uint8_t { end, end_transfer };
enum class SessionActed : std::uint8_t {
    done,
    no_session,
    no_transfer,
    no_answer,  ///< a worker is stuck: it may still do it, or not have the session
};

}  // namespace ballast::admin
