// SPDX-License-Identifier: Apache-2.0
#include "pool/queue.h"

namespace ballast::pool {

Queue::Served Queue::serve(const Choose& choose) {
    Served served;
    for (auto each = waiting_.begin(); each != waiting_.end();) {
        Waiter& waiter = **each;
        waiter.seat = choose(waiter.asker);
        if (!waiter.seat) {
            ++each;
            continue;
        }
        served.push_back(std::move(*each));
        each = waiting_.erase(each);
    }
    return served;
}

Queue::Served Queue::dismiss(const Judge& judge) {
    Served dismissed;
    for (auto each = waiting_.begin(); each != waiting_.end();) {
        Waiter& waiter = **each;
        waiter.refusal = judge(waiter.asker);
        if (!waiter.refusal) {
            ++each;
            continue;
        }
        dismissed.push_back(std::move(*each));
        each = waiting_.erase(each);
    }
    return dismissed;
}

void Queue::wake(const Served& served) {
    for (const auto& waiter : served)
        waiter->loop.post([waiter] {
            if (waiter->signal != nullptr) waiter->signal->raise();
        });
}

void Queue::leave(const Waiter& waiter) {
    std::erase_if(waiting_, [&](const auto& each) { return each.get() == &waiter; });
}

}  // namespace ballast::pool
