// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/seat.h"
#include "session/surroundings.h"

namespace ballast::session {

/// A running transfer, as those see it who choose backends and workers.
class TransferCount {
public:
    TransferCount(const pool::Seat& seat, Load& load)
        : on_backend_(seat.begin_transfer()), load_(load) {
        ++load_.transfers;
    }
    ~TransferCount() { --load_.transfers; }
    TransferCount(const TransferCount&) = delete;
    TransferCount& operator=(const TransferCount&) = delete;

    /// Where its delivered bytes are added.
    [[nodiscard]] std::shared_ptr<pool::ByteCount> bytes() const { return on_backend_.bytes(); }

private:
    pool::TransferScope on_backend_;
    Load& load_;
};

}  // namespace ballast::session
