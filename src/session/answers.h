// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/client_leg.h"

#include <optional>

namespace ballast::session {

/// Sends one transfer's replies to the client. If a reply cannot be delivered, no more are sent.
class Answers {
public:
    explicit Answers(ClientLeg& client) : client_(client) {}

    /// Sends it, in one write with a 1xx that is held back.
    [[nodiscard]] loop::Task<> tell(ftp::Reply reply);
    /// The next 1xx may wait until then for the reply after it. Empty: it may not.
    void hold_back(std::optional<loop::Deadline> until) { hold_until_ = until; }
    [[nodiscard]] bool holds_back() const { return held_.has_value(); }
    /// When to call `release`. Never: nothing is held back.
    [[nodiscard]] loop::Deadline release_at() const { return release_at_; }
    /// Sends what is held back.
    [[nodiscard]] loop::Task<> release();
    /// The control connection has failed.
    void lose_client() { client_is_lost_ = true; }
    [[nodiscard]] bool client_is_lost() const { return client_is_lost_; }
    /// One of them was a 421, which ends the session.
    [[nodiscard]] bool service_is_over() const { return service_is_over_; }

private:
    ClientLeg& client_;
    std::optional<loop::Deadline> hold_until_;
    std::optional<ftp::Reply> held_;
    loop::Deadline release_at_ = loop::never;
    bool client_is_lost_ = false;
    bool service_is_over_ = false;
};

}  // namespace ballast::session
