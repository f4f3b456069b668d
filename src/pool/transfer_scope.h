// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace ballast::pool {

/// Bytes that a backend's transfers have delivered, both ways. Any thread may add to it.
using ByteCount = std::atomic<std::uint64_t>;

/// What the transfers of one backend do. Shared by the pool and the scopes of those transfers.
struct Traffic {
    std::atomic<std::uint32_t> transfers = 0;  ///< running now
    ByteCount bytes = 0;                       ///< since the beginning
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

    /// Where its delivered bytes are added, for as long as anyone holds it. Null: an empty scope.
    [[nodiscard]] std::shared_ptr<ByteCount> bytes() const;

private:
    void end();

    std::shared_ptr<Traffic> traffic_;
};

}  // namespace ballast::pool
