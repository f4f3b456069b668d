// SPDX-License-Identifier: Apache-2.0
#include "pool/loans.h"

#include <algorithm>
#include <utility>

namespace ballast::pool {

Loans::Number Loans::begin(BackendId backend, std::shared_ptr<loop::Recall> recall,
                           const base::Ip& holder, loop::Time now) {
    loans_.emplace(++last_number_, Loan{backend, std::move(recall), holder, now});
    ++loans_of_holders_[holder];
    return last_number_;
}

bool Loans::end(Number number) {
    const auto loan = loans_.find(number);
    if (loan == loans_.end()) return true;
    const bool was_recalled = loan->second.is_recalled;
    if (was_recalled) --recalled_;
    const auto of_holder = loans_of_holders_.find(loan->second.holder);
    if (--of_holder->second == 0) loans_of_holders_.erase(of_holder);
    loans_.erase(loan);
    return !was_recalled;
}

std::shared_ptr<loop::Recall> Loans::recall(std::span<const BackendId> backends,
                                            loop::Time lent_until) {
    Loan* chosen = nullptr;
    std::size_t most = 0;
    for (auto& [number, loan] : loans_) {
        if (loan.is_recalled || loan.since > lent_until) continue;
        if (std::ranges::find(backends, loan.backend) == backends.end()) continue;
        const auto of_holder = loans_of_holders_.at(loan.holder);
        if (of_holder <= most) continue;
        most = of_holder;
        chosen = &loan;
    }
    if (chosen == nullptr) return nullptr;
    chosen->is_recalled = true;
    ++recalled_;
    return chosen->recall;
}

}  // namespace ballast::pool
