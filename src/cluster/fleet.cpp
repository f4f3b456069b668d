// SPDX-License-Identifier: Apache-2.0
#include "cluster/fleet.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ballast::cluster {

namespace {

/// All pools and the ledger are looked at with each tick.
constexpr auto tick_least = std::chrono::milliseconds(25);

/// Half of what there is: a number that every reader knows, and far from overflowing.
std::uint64_t first_number(std::mt19937_64& random) { return random() >> 2; }

}  // namespace

Fleet::Fleet(loop::Loop& loop, Store& store, const net::Secret& secret, const Settings& settings,
             Parts parts)
    : look_(std::move(parts.look)),
      ledger_(parts.ledger),
      random_(settings.seed),
      exchange_(loop, store, secret,
                {.node = settings.node, .heartbeat = settings.heartbeat, .seed = random_()}),
      nodes_(
          exchange_, [this] { return look(); }, [this] { loads_.others_changed(); },
          [this](const auto& node) {
              counts_.forget(node);
              failures_.forget_node(node);
          },
          random_()),
      loads_(exchange_, pools_, nodes_),
      states_(exchange_, std::move(parts.obey)),
      stickiness_(exchange_, pools_),
      failures_(exchange_, ledger_),
      bans_(exchange_, ledger_, failures_),
      counts_(exchange_, nodes_, ledger_),
      tickets_(exchange_),
      probes_(exchange_, pools_, std::move(parts.probing)),
      courier_(exchange_, std::move(parts.answer), first_number(random_)),
      tick_(loop) {
    // In the order in which they are told: a ban says more than the failure that led to it, and an
    // operator does not wait for thousands of clients.
    exchange_.add(nodes_);
    exchange_.add(states_);
    exchange_.add(bans_);
    exchange_.add(failures_);
    exchange_.add(counts_);
    exchange_.add(tickets_);
    exchange_.add(probes_);
    exchange_.add(courier_);
    exchange_.add(stickiness_);
    ledger_.share([&secret](std::string_view text) { return secret.short_digest(text); });
}

/// What others had does not count any more.
Fleet::~Fleet() {
    ledger_.share({});
    for (const auto& [name, pool] : pools_) {
        pool->share(false);
        pool->set_elsewhere({});
    }
}

void Fleet::set_pools(std::vector<std::shared_ptr<pool::Pool>> pools) {
    SharedPools former = std::exchange(pools_, {});
    bool has_new = false;
    for (auto& each : pools) {
        const auto known = former.find(each->name());
        if (known == former.end() || known->second != each) {
            each->share(true);
            has_new = true;
        } else {
            former.erase(known);
        }
        pools_[each->name()] = std::move(each);
    }
    for (const auto& [name, pool] : former) {
        pool->share(false);
        pool->set_elsewhere({});
    }
    loads_.tell_pools();
    states_.backends_changed();
    if (has_new) exchange_.load_again();
}

void Fleet::start() {
    exchange_.start();
    watching_ = loop::Job::start(watch());
}

loop::Task<> Fleet::leave() {
    watching_.cancel();
    return exchange_.stop_with(nodes_.farewell());
}

NodeFacts Fleet::look() const {
    auto facts = look_();
    facts.loads = loads_.own();
    return facts;
}

/// While the store is away, too: what is due must not be lost in the ledger.
void Fleet::look_at_ledger() {
    constexpr std::size_t at_once = 1000;
    for (auto changes = ledger_.take_changes(at_once); !changes.is_empty();
         changes = ledger_.take_changes(at_once)) {
        for (auto& each : changes.failures) failures_.failed(std::move(each));
        for (const auto& each : changes.bans) bans_.decided(each);
        counts_.changed(changes.counts);
        if (!changes.bans.empty()) exchange_.hurry();
        if (!changes.has_gap) continue;
        counts_.repeat();
        for (const auto& ban : ledger_.bans(exchange_.loop().now()))
            bans_.decided({ban.client, ban.pool, ban.user, ban.until});
    }
}

loop::Task<> Fleet::watch() {
    auto& loop = exchange_.loop();
    const auto tick =
        std::max<loop::Time::duration>(exchange_.heartbeat() / Loads::ticks_per_beat, tick_least);
    for (auto next_beat = loop.now();;) {
        look_at_ledger();
        if (loop.now() >= next_beat) {
            next_beat = loop.now() + exchange_.heartbeat();
            loads_.beat();
            probes_.look();
        }
        loads_.tick();
        (void)co_await tick_.wait(loop.after(tick));
    }
}

}  // namespace ballast::cluster
