// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"
#include "session/sealed_data.h"
#include "session/transfer_count.h"

#include <list>
#include <memory>
#include <optional>

namespace ballast::session {

/// The data connections of a passed-through session: those from the client's address to its
/// backend's ports. Each is carried to the backend. Other sessions may share address and ports.
class SealedTraffic {
public:
    /// `source` is our address on the control connection to the backend. The context outlives it.
    SealedTraffic(Context& context, base::Ip source);

    /// Accepts new connections and drops finished ones, when the signal was raised.
    void look();
    /// Accepts no more data connections. The present ones may end.
    void close();
    [[nodiscard]] bool is_empty() const { return open_.empty(); }
    /// A transfer of this client's address runs, in any session.
    [[nodiscard]] bool has_data() const { return traffic_ && traffic_->open > 0; }
    /// When the last one ended. Long ago: there was none.
    [[nodiscard]] loop::Time ended_at() const;
    /// The last one's reply may still be on its way. Replies cannot be read here: any bytes from
    /// the backend since that end began count as one (`backend_spoke_at` is its latest byte).
    [[nodiscard]] bool awaits_reply(loop::Time backend_spoke_at) const;

private:
    void take_in(std::unique_ptr<net::Stream> arrived);
    [[nodiscard]] bool make_room();
    void report(const SealedData& data);

    Context& context_;
    const base::Ip source_;
    const bool is_transparent_;  // the source is the client itself
    std::unique_ptr<net::Admission> admission_;
    std::shared_ptr<net::DataTraffic> traffic_;
    std::optional<TransferCount> counted_;
    std::list<SealedData> open_;
};

}  // namespace ballast::session
