// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metrics/backend_figures.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace ballast::pool {

/// Bytes that a backend's transfers have delivered in one direction. Any thread may add to it.
using ByteCount = std::atomic<std::uint64_t>;

/// What sessions and transfers do on one backend. Shared by the pool and by them.
struct Traffic {
    std::atomic<std::uint32_t> transfers = 0;  ///< running now
    metrics::BackendFigures figures;           ///< since the beginning
};

/// Counts one transfer on the backend where it began until it is destroyed, even if the session
/// has left that backend before. An empty scope counts nothing. It needs no lock: it may be moved
/// to another thread and end there.
class TransferScope {
public:
    TransferScope() = default;
    explicit TransferScope(std::shared_ptr<Traffic> traffic);
    TransferScope(TransferScope&& other) noexcept = default;
    TransferScope& operator=(TransferScope&& other) noexcept;
    ~TransferScope();
    TransferScope(const TransferScope&) = delete;
    TransferScope& operator=(const TransferScope&) = delete;

    /// Where its bytes delivered in this direction are added, for as long as anyone holds it. Null:
    /// an empty scope.
    [[nodiscard]] std::shared_ptr<ByteCount> bytes(metrics::Direction direction) const;

private:
    void end();

    std::shared_ptr<Traffic> traffic_;
};

}  // namespace ballast::pool
