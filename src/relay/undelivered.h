// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "relay/pipe.h"

#include <cstddef>
#include <optional>
#include <string>

namespace ballast::relay {

/// Bytes that were taken from a source and not yet delivered to the sink: in a pipe, or copied.
struct Undelivered {
    std::optional<Pipe> pipe;  ///< only if it holds bytes
    std::size_t in_pipe = 0;
    std::string copied;
};

}  // namespace ballast::relay
