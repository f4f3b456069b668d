// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "loop/loop.h"
#include "loop/recall.h"
#include "pool/backend.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>

namespace ballast::pool {

/// The seats on loan: their sessions wait for their clients and have not logged in. When another
/// client needs a seat, one of them is recalled. Not thread-safe; belongs to a pool and its lock.
class Loans {
public:
    using Number = std::uint64_t;  ///< never 0

    /// `holder` is the client's address or network.
    [[nodiscard]] Number begin(BackendId backend, std::shared_ptr<loop::Recall> recall,
                               const base::Ip& holder, loop::Time now);
    /// False: it had been recalled. A loan that is none ends at once.
    bool end(Number number);
    /// Chooses the loan to recall: on one of these backends, lent at `lent_until` or before. The
    /// oldest loan of the holder with the most loans is first. The caller calls the recall without
    /// the lock. Null: there is no such loan.
    [[nodiscard]] std::shared_ptr<loop::Recall> recall(std::span<const BackendId> backends,
                                                       loop::Time lent_until);
    /// How many are recalled and have not ended.
    [[nodiscard]] std::size_t recalled() const { return recalled_; }

private:
    struct Loan {
        BackendId backend;
        std::shared_ptr<loop::Recall> recall;
        base::Ip holder;
        loop::Time since;
        bool is_recalled = false;
    };

    std::map<Number, Loan> loans_;  // the oldest first
    std::map<base::Ip, std::size_t> loans_of_holders_;
    Number last_number_ = 0;
    std::size_t recalled_ = 0;
};

}  // namespace ballast::pool
