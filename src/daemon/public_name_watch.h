// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "session/public_names.h"

#include <thread>
#include <vector>

namespace ballast::daemon {

/// Looks up the host names in `public_address`, now and at every `resolve_interval`. Each has its
/// own thread, so that a name without an answer delays no other. A name that cannot be looked up
/// keeps its old address.
class PublicNameWatch {
public:
    /// `names` must outlive it.
    PublicNameWatch(const config::Config& config, session::PublicNames& names);
    ~PublicNameWatch();
    PublicNameWatch(const PublicNameWatch&) = delete;
    PublicNameWatch& operator=(const PublicNameWatch&) = delete;

private:
    std::vector<std::jthread> threads_;
};

}  // namespace ballast::daemon
