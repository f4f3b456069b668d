// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/ledger.h"
#include "loop/recall.h"

#include <optional>
#include <utility>

namespace ballast::session {

/// A session's place among all sessions. It is on loan until the client has logged in: a client
/// without a login must make room for others.
class SessionPlace {
public:
    /// Empty: the place was taken.
    [[nodiscard]] std::optional<guard::Limit> take(guard::Ledger& ledger,
                                                   const config::Listener& listener,
                                                   const base::Ip& client, loop::Time now) {
        auto entered = ledger.enter(listener, client, now);
        if (!entered) return entered.error();
        entered_ = std::move(*entered);
        return std::nullopt;
    }
    [[nodiscard]] bool is_taken() const { return static_cast<bool>(entered_); }

    /// `wake` is raised when the place is needed.
    void lend(guard::Ledger& ledger, const config::Listener& listener, const base::Ip& client,
              loop::Signal& wake) {
        recallable_ = loop::Recallable(wake);
        loan_ = ledger.lend(listener, client,
                            [recall = recallable_.recall()] { loop::Recall::call(recall); });
    }
    /// The client has logged in.
    void keep() { loan_ = {}; }
    /// The place was on loan and is needed. The session must end.
    [[nodiscard]] bool is_recalled() const { return loan_ && recallable_.is_called(); }

private:
    guard::Ledger::Held entered_;
    loop::Recallable recallable_;
    guard::Ledger::Held loan_;
};

}  // namespace ballast::session
