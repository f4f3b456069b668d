// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/verb.h"
#include "metrics/transfers.h"
#include "pool/seat.h"
#include "session/surroundings.h"

namespace ballast::session {

/// How a transfer of this direction is counted.
[[nodiscard]] inline metrics::Direction counted_as(ftp::Direction direction) {
    switch (direction) {
        case ftp::Direction::download: return metrics::Direction::download;
        case ftp::Direction::upload: return metrics::Direction::upload;
        case ftp::Direction::none:
        case ftp::Direction::unknown: break;
    }
    return metrics::Direction::unknown;
}

/// A running transfer, as those see it who choose backends and workers.
class TransferCount {
public:
    /// The surroundings outlive it.
    TransferCount(const pool::Seat& seat, const Surroundings& around)
        : on_backend_(seat.begin_transfer()), around_(around) {
        ++around_.load.transfers;
        if (around_.figures) ++around_.figures->transfers;
    }
    ~TransferCount() {
        --around_.load.transfers;
        if (around_.figures) --around_.figures->transfers;
    }
    TransferCount(const TransferCount&) = delete;
    TransferCount& operator=(const TransferCount&) = delete;

    /// It is on no backend for a while.
    void leave_backend() { on_backend_ = {}; }
    /// It goes on with another one.
    void move_to(const pool::Seat& seat) { on_backend_ = seat.begin_transfer(); }

    /// Where its delivered bytes are added.
    [[nodiscard]] std::shared_ptr<pool::ByteCount> bytes(metrics::Direction direction) const {
        return on_backend_.bytes(direction);
    }

private:
    pool::TransferScope on_backend_;
    const Surroundings& around_;
};

}  // namespace ballast::session
