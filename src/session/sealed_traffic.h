// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"
#include "session/sealed_data.h"
#include "session/transfer_count.h"

#include <list>
#include <memory>
#include <optional>

namespace ballast::session {

/// The data connections of a session that is passed through: those that come to its backend's ports
/// from the client's address, each carried to the backend. Other sessions may share both.
class SealedTraffic {
public:
    /// `source` is where the control connection to the backend comes from. The context outlives it.
    SealedTraffic(Context& context, base::Ip source);

    /// Takes in what has come, and forgets what is over. The session's signal tells when.
    void look();
    /// No more data connections; those that are there may end.
    void close();
    [[nodiscard]] bool is_empty() const { return open_.empty(); }
    /// A transfer of this client's address runs, of whichever session.
    [[nodiscard]] bool has_data() const { return traffic_ && traffic_->open > 0; }
    /// When the last one ended; long ago: there was none.
    [[nodiscard]] loop::Time ended_at() const;
    /// The reply to that last one may still be on its way. What the backend has said since its end
    /// began, last at `backend_spoke_at`, is taken for it, since nobody here can read it.
    [[nodiscard]] bool awaits_reply(loop::Time backend_spoke_at) const;

private:
    void take_in(std::unique_ptr<net::Stream> arrived);
    [[nodiscard]] bool make_room();
    void report(const SealedData& data);

    Context& context_;
    const base::Ip source_;
    std::unique_ptr<net::Admission> admission_;
    std::shared_ptr<net::DataTraffic> traffic_;
    std::optional<TransferCount> counted_;
    std::list<SealedData> open_;
};

}  // namespace ballast::session
