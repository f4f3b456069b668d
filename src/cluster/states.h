// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/latest_topic.h"
#include "pool/admin_state.h"
#include "pool/administration.h"

#include <functional>
#include <optional>
#include <set>
#include <string>

namespace ballast::cluster {

/// What an operator has decided about a backend, at any node: its state, or its tuning.
struct Decision {
    std::string pool;
    std::string backend;  ///< its configured name
    std::optional<pool::AdminState> state = {};
    std::optional<pool::Tuning> tuning = {};
    std::string node = {};  ///< where it was decided
};

/// The administrative states and tunings of backends. The latest decision holds at every node, and
/// for nodes that start later. One that is about a backend which is not there is kept until it is.
class States final : public LatestTopic {
public:
    /// Does here what was decided elsewhere. False: there is no such backend now.
    using Obey = std::function<bool(const Decision&)>;
    States(Exchange& exchange, Obey obey);

    /// Tells the others what was decided here. Its `node` does not matter.
    void decided(const Decision& decision);
    /// Backends have come: what was decided about them holds.
    void backends_changed();

    void learn(const Entry& entry) override;
    void beat() override;

private:
    void obey_what_waits();

    Exchange& exchange_;
    const Obey obey_;
    std::set<std::string> waiting_;  // keys of decisions about backends that are not there
};

}  // namespace ballast::cluster
