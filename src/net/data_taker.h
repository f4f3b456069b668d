// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/owned_fd.h"

#include <cstdint>

namespace ballast::net {

/// Waits for data connections that may arrive at another worker's port: a worker, or the process
/// that this one has replaced.
class DataTaker {
public:
    DataTaker() = default;
    virtual ~DataTaker() = default;
    DataTaker(const DataTaker&) = delete;
    DataTaker& operator=(const DataTaker&) = delete;

    /// The connection that the lease or admission with this id waits for. From any thread.
    virtual void hand(std::uint64_t id, base::OwnedFd socket, const base::Address& local,
                      const base::Address& peer) = 0;
};

}  // namespace ballast::net
