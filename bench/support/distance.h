// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/child.h"
#include "support/socket.h"

#include <chrono>

namespace ballast::bench {

/// What listens on `beside` is far away for everybody who connects to `far_away`: each packet takes
/// half of `round_trip` to get there, and the other half to come back. So connecting, closing and
/// acknowledgements take their time, as control and data do.
///
/// It is a network interface (tun). A child holds each packet that is sent there, exchanges its two
/// addresses, and gives it back to the kernel, which takes it for one that has arrived.
class Distance {
public:
    static constexpr Host beside = Host::of(10, 20, 0, 1);
    static constexpr Host far_away = Host::of(10, 20, 0, 2);

    /// Throws if this process may not make such an interface. Make it before there are threads, and
    /// in a network namespace of its own.
    explicit Distance(std::chrono::microseconds round_trip);

private:
    Child process_;
};

}  // namespace ballast::bench
