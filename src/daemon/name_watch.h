// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/pool.h"

#include <memory>
#include <thread>
#include <vector>

namespace ballast::daemon {

/// Looks up the names of backends (A, AAAA and SRV records), now and at every `resolve_interval`,
/// on threads of its own, side by side: a name server that does not answer holds up nobody, and a
/// name without an answer no other name. A name that cannot
/// be looked up keeps the addresses it had.
class NameWatch {
public:
    explicit NameWatch(const std::vector<std::shared_ptr<pool::Pool>>& pools);

private:
    std::jthread thread_;
};

}  // namespace ballast::daemon
