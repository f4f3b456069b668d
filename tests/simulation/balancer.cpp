// SPDX-License-Identifier: Apache-2.0
#include "simulation/balancer.h"

#include "support/tls_ends.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::simulation {

namespace {

constexpr auto tick_interval = std::chrono::seconds(1);

std::shared_ptr<const config::Limits> limits_of(const std::shared_ptr<const Settings>& settings) {
    return {settings, &settings->limits};
}

}  // namespace

Balancer::Balancer(support::MemoryNetwork& network, Trace& trace, std::uint64_t seed,
                   Settings settings)
    : network_(network),
      trace_(trace),
      chance_(seed),
      address_(settings.listener.bind.front()),
      warm_(network),
      due_(network.loop()) {
    if (settings.listener.tls) tls_ = support::make_tls_server();
    configure(std::move(settings));
    network_.listen(address_, [this](std::unique_ptr<net::Stream> client) {
        begin_session(std::move(client));
    });
    ticking_ = loop::Job::start(tick());
}

Balancer::~Balancer() { network_.close(address_); }

session::ServedPool Balancer::serve(const config::Pool& settings) {
    const std::shared_ptr<const config::Pool> part(settings_, &settings);
    if (const auto known = known_pools_.find(settings.name); known != known_pools_.end()) {
        known->second.contacts->configure(part);
        known->second.pool->configure(part);
        return {known->second.pool, known->second.contacts};
    }
    auto& loop = network_.loop();
    session::ServedPool made(std::make_shared<pool::Pool>(
                                 part, [&loop] { return loop.now(); }, chance_.seed()),
                             std::make_shared<backend::Contacts>(part, knowledge_));
    known_pools_.emplace(settings.name, made);
    return made;
}

void Balancer::configure(Settings settings) {
    ++changes_;
    settings_ = std::make_shared<const Settings>(std::move(settings));
    const auto now = network_.loop().now();
    if (ledger_)
        ledger_->configure(limits_of(settings_), settings_->sessions_max, now);
    else
        ledger_ =
            std::make_unique<guard::Ledger>(limits_of(settings_), settings_->sessions_max, now);
    auto pools = std::make_shared<session::Pools>();
    std::vector<health::Prober::Subject> subjects;
    for (const auto& each : settings_->pools) {
        auto served = serve(each);
        subjects.emplace_back(served.pool, served.contacts, "secret");
        pools->add(std::move(served));
    }
    pools_ = pools;
    warm_.use(pools_, 1);
    if (prober_) return prober_->set_subjects(std::move(subjects));
    prober_.emplace(network_, std::move(subjects), health::Prober::RunScript(), chance_.seed());
    prober_->start();
}

bool Balancer::administer(std::string_view pool, std::string_view backend, pool::AdminState state) {
    ++changes_;
    const auto* const served = pools_->find(pool);
    return served != nullptr && served->pool->administer(backend, state);
}

void Balancer::administer_all(pool::AdminState state) {
    ++changes_;
    for (const auto& each : pools_->all()) each.pool->administer_all(state);
}

void Balancer::stop() {
    network_.close(address_);
    sessions_.stop();
}

void Balancer::end_probes() {
    warm_.clear();
    ticking_.cancel();
    prober_.reset();
}

loop::Task<> Balancer::tick() {
    for (;;) {
        for (const auto& each : pools_->all()) each.pool->tick();
        (void)co_await due_.wait(network_.loop().after(tick_interval));
    }
}

void Balancer::begin_session(std::unique_ptr<net::Stream> client) {
    auto accepted = ledger_->accept();
    if (!accepted) return trace_.note("balancer", "turns a client away");
    const auto id = fmt::format("s{:03}", ++next_id_);
    const std::shared_ptr<const config::Listener> listener(settings_, &settings_->listener);
    session::Surroundings around{network_, listener,
                                 pools_,   tls_,
                                 false,    load_,
                                 *ledger_, public_names_,
                                 notices_, std::move(*accepted),
                                 {},       {},
                                 {},       &stories_,
                                 0,        nullptr,
                                 &warm_};
    auto& loop = network_.loop();
    auto session = std::make_unique<session::Session>(
        std::move(around), std::move(client), id,
        [this, &loop, id] { loop.post([this, id] { sessions_.erase(id); }); });
    sessions_.add(std::move(session)).start();
}

std::string Balancer::backend_of(const base::Address& client) const {
    for (const auto& view : sessions())
        if (view.client == client) return view.backend;
    return {};
}

}  // namespace ballast::simulation
