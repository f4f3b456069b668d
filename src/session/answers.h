// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/client_leg.h"

namespace ballast::session {

/// Sends one transfer's replies to the client. If a reply cannot be delivered, no more are sent.
class Answers {
public:
    explicit Answers(ClientLeg& client) : client_(client) {}

    [[nodiscard]] loop::Task<> tell(ftp::Reply reply);
    /// The control connection has failed.
    void lose_client() { client_is_lost_ = true; }
    [[nodiscard]] bool client_is_lost() const { return client_is_lost_; }
    /// One of them was a 421, which ends the session.
    [[nodiscard]] bool service_is_over() const { return service_is_over_; }

private:
    ClientLeg& client_;
    bool client_is_lost_ = false;
    bool service_is_over_ = false;
};

}  // namespace ballast::session
