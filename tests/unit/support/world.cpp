// SPDX-License-Identifier: Apache-2.0
#include "support/world.h"

#include "ftp/features.h"
#include "support/borrowed.h"

#include <fmt/format.h>

namespace ballast::support {

World::World(std::size_t backend_count, std::string_view listener_address) {
    listener.name = "ftp";
    listener.pool = "files";
    listener.bind = {base::Address::parse(listener_address).value()};
    pool_settings.name = "files";
    pool_settings.balance = balance::find_policy("round-robin");
    for (std::size_t i = 0; i < backend_count; ++i) {
        config::Backend configured;
        configured.name = fmt::format("alf{}", i + 1);
        configured.host = fmt::format("10.0.0.{}", 11 + i);
        pool_settings.backends.push_back(configured);
        backends_.push_back(std::make_unique<FakeBackend>(
            network, base::Address{base::Ip::parse(configured.host).value(), 21}));
    }
    network.listen(address(), [this](std::unique_ptr<net::Stream> client) {
        begin_session(std::move(client));
    });
}

World::~World() { network.close(address()); }

pool::Pool& World::pool() {
    if (!pool_) pool_ = make_pool(pool_settings);
    return *pool_;
}

void World::renew_pool() {
    pool_.reset();
    pools_ = std::make_shared<session::Pools>();
}

pool::Pool& World::add_pool(const config::Pool& settings) { return *make_pool(settings); }

std::shared_ptr<pool::Pool> World::make_pool(const config::Pool& settings) {
    const auto& kept = kept_settings_.emplace_back(settings);
    auto made = std::make_shared<pool::Pool>(kept, [this] { return loop.now(); });
    auto contacts = std::make_shared<backend::Contacts>(borrowed(kept), knowledge);
    for (const auto& backend : made->backends()) contacts->set_tls_client(backend, tls_client);
    pools_->add({made, contacts});
    return made;
}

void World::survey(std::size_t index) {
    backend::Survey survey;
    survey.answers_feat = true;
    survey.features =
        ftp::Features::parse("211-Features:\r\n" + backend(index).script.features + "211 End\r\n");
    const auto& replies = backend(index).script.replies;
    const auto noop = replies.find("NOOP");
    if (noop == replies.end())
        survey.noop_code = 200;
    else if (noop->second.starts_with('2'))
        survey.noop_code = static_cast<std::uint16_t>(std::stoi(noop->second));
    const auto known = knowledge.of(pool().status().at(index).backend.id);
    known->set_survey(survey);
    known->set_takes_several(backend(index).script.reads_several);
}

void World::begin_session(std::unique_ptr<net::Stream> client) {
    (void)pool();
    // The test may have changed the limits.
    ledger.configure(borrowed(limits), ledger.rules().sessions_max, loop.now());
    const auto id = fmt::format("s{}", ++next_id_);
    auto session = std::make_unique<session::Session>(
        session::Surroundings{.network = network,
                              .listener = snapshot_ ? snapshot_ : borrowed(listener),
                              .pools = pools_,
                              .tls = tls_server,
                              .begins_with_tls = begins_with_tls,
                              .load = load_,
                              .ledger = ledger,
                              .public_names = public_names,
                              .notices = notices,
                              .figures = figures,
                              .stories = &stories,
                              .warm = &warm,
                              .forwarder = {std::shared_ptr<void>(), forwarder}},
        std::move(client), id, [this, id] { loop.post([this, id] { sessions_.erase(id); }); });
    sessions_.add(std::move(session)).start();
}

std::uint32_t World::seats_taken() {
    std::uint32_t sum = 0;
    for (const auto& status : pool().status()) sum += status.sessions;
    return sum;
}

std::uint32_t World::transfers_running() {
    std::uint32_t sum = 0;
    for (const auto& status : pool().status()) sum += status.transfers;
    return sum;
}

}  // namespace ballast::support
