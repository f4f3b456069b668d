// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/seat.h"
#include "session/surroundings.h"

namespace ballast::session {

/// A running transfer, as those see it who choose backends and workers.
class TransferCount {
public:
    TransferCount(pool::Seat& seat, Load& load) : seat_(seat), load_(load) {
        seat_.transfer_began();
        ++load_.transfers;
    }
    ~TransferCount() {
        seat_.transfer_ended();
        --load_.transfers;
    }
    TransferCount(const TransferCount&) = delete;
    TransferCount& operator=(const TransferCount&) = delete;

private:
    pool::Seat& seat_;
    Load& load_;
};

}  // namespace ballast::session
