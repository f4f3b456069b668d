// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "cluster/bans.h"
#include "cluster/counts.h"
#include "cluster/courier.h"
#include "cluster/exchange.h"
#include "cluster/failures.h"
#include "cluster/loads.h"
#include "cluster/nodes.h"
#include "cluster/probes.h"
#include "cluster/shared_pools.h"
#include "cluster/states.h"
#include "cluster/stickiness.h"
#include "cluster/store.h"
#include "cluster/tickets.h"
#include "guard/ledger.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "net/secret.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace ballast::cluster {

/// This balancer as one of several. Knows the other nodes, and shares with them what operators
/// decide, which backend each client had, the sessions of each backend, user and address, bans and
/// failed logins, the keys of session tickets and, if wanted, what probes find out. Nothing waits
/// for the store: what the others know is a local copy. Belongs to the control thread.
class Fleet {
public:
    struct Settings {
        std::string node;
        std::chrono::milliseconds heartbeat{};
        std::uint64_t seed = 0;  ///< drawn anew for each process
    };
    struct Parts {
        /// What this node has now. `instance`, `uptime`, `heartbeat` and `loads` do not matter.
        Nodes::Look look;
        /// Does here what an operator has decided at another node. False: there is no such backend
        /// now. It must not be told to `decided`.
        States::Obey obey;
        /// Answers what another node asks this one. The task may take as long as it likes.
        Courier::Answer answer;
        guard::Ledger& ledger;
        /// Only with `probes = "one"`.
        Probes::Parts probing = {};
    };
    /// The store, the secret and the ledger outlive it.
    Fleet(loop::Loop& loop, Store& store, const net::Secret& secret, const Settings& settings,
          Parts parts);
    ~Fleet();
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    /// Before `start`, and after each reload: the pools that this node serves.
    void set_pools(std::vector<std::shared_ptr<pool::Pool>> pools);
    /// The same for the listeners whose ticket keys are not from a file.
    void set_listeners(std::vector<Tickets::Listener> listeners) {
        tickets_.set_listeners(std::move(listeners));
        exchange_.load_again();
    }
    void start();
    /// Says goodbye, so that the others do not wait for this node's heartbeats. Takes no longer
    /// than the store's time-out twice.
    [[nodiscard]] loop::Task<> leave();
    /// Before `Parts::answer` ends.
    void stop_answering() { courier_.stop_answering(); }
    /// Before the process that replaces this one takes its name: this one goes on as another node,
    /// whose sessions still count.
    void go_on_as(std::string node) { exchange_.rename(std::move(node)); }

    /// An operator has decided this here.
    void decided(const Decision& decision) { states_.decided(decision); }
    /// A probe was made here.
    void probed(const ProbeOutcome& outcome) { probes_.probed(outcome); }
    /// Asks another node what its `Parts::answer` answers.
    [[nodiscard]] loop::Task<base::Result<std::string>> ask(std::string node, std::string question,
                                                            loop::Time::duration patience) {
        return courier_.ask(std::move(node), std::move(question), patience);
    }

    /// This node first.
    [[nodiscard]] std::vector<Node> nodes() const { return nodes_.all(); }
    [[nodiscard]] const Exchange::State& store() const { return exchange_.state(); }

private:
    [[nodiscard]] NodeFacts look() const;
    [[nodiscard]] loop::Task<> watch();
    void look_at_ledger();

    const Nodes::Look look_;
    guard::Ledger& ledger_;
    std::mt19937_64 random_;
    SharedPools pools_;
    Exchange exchange_;
    Nodes nodes_;
    Loads loads_;
    States states_;
    Stickiness stickiness_;
    Failures failures_;
    Bans bans_;
    Counts counts_;
    Tickets tickets_;
    Probes probes_;
    Courier courier_;
    loop::Signal tick_;
    loop::Job watching_;
};

}  // namespace ballast::cluster
