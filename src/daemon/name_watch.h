// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/pool.h"

#include <memory>
#include <thread>
#include <vector>

namespace ballast::daemon {

/// Looks up the names of backends (A, AAAA and SRV records), now and at every `resolve_interval`.
/// Lookups run concurrently on their own threads, so that a name without an answer delays neither
/// sessions nor other names. A name that cannot be looked up keeps its old addresses.
class NameWatch {
public:
    explicit NameWatch(const std::vector<std::shared_ptr<pool::Pool>>& pools);

private:
    std::jthread thread_;
};

}  // namespace ballast::daemon
