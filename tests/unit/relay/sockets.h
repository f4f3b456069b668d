// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"

namespace ballast::relay {

/// A TCP connection over loopback: one side, which does not block, for the relay, the other, which
/// does, for the test. All buffers are of this size, about: by default the kernel lets them grow up
/// to the machine's limit, and none would ever be full.
struct Connection {
    explicit Connection(int buffer_bytes = 1 << 20);

    base::OwnedFd near;
    base::OwnedFd far;
};

}  // namespace ballast::relay
