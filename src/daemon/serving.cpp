// SPDX-License-Identifier: Apache-2.0
#include "daemon/serving.h"

#include "daemon/backend_files.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace ballast::daemon {

Serving::Serving(loop::WorkerLoop& loop, net::SocketNetwork& network, guard::Ledger& ledger,
                 const KernelPath& kernel_path, std::uint64_t seed)
    : loop_(loop), network_(network), ledger_(ledger), kernel_path_(kernel_path), random_(seed) {}

/// The pool of this name with these settings: the one that there is, or a new one.
session::ServedPool Serving::serve(const config::Pool& settings) {
    // The pointer to a part keeps the whole snapshot alive.
    const std::shared_ptr<const config::Pool> part(config_, &settings);
    const auto* const known = pools_->find(settings.name);
    auto contacts =
        known != nullptr ? known->contacts : std::make_shared<backend::Contacts>(part, knowledge_);
    // Before the first session can be sent there.
    const auto clients = tls_->clients_of(settings.name);
    for (std::size_t i = 0; i < clients.size(); ++i)
        contacts->set_tls_client({config_, &settings.backends[i]}, clients[i]);
    if (known == nullptr)
        return {std::make_shared<pool::Pool>(part, std::chrono::steady_clock::now, random_()),
                std::move(contacts)};
    contacts->configure(part);
    known->pool->configure(part);
    return {known->pool, std::move(contacts)};
}

void Serving::use(Parts parts) {
    config_ = std::move(parts.config);
    tls_ = std::move(parts.tls);
    auto pools = std::make_shared<session::Pools>();
    std::vector<health::Prober::Subject> subjects;
    std::vector<std::shared_ptr<pool::Pool>> watched;
    for (const auto& settings : config_->pools) {
        auto served = serve(settings);
        subjects.emplace_back(served.pool, served.contacts,
                              std::move(parts.secrets[settings.name]));
        watched.push_back(served.pool);
        pools->add(std::move(served));
    }
    stories_.set_memory(config_->admin.explain_memory);
    pools_ = pools;
    auto files = std::make_shared<BackendFiles>(*pools_);
    // The backends of the files are there before the first session.
    files->look();
    set_services();
    if (prober_) {
        prober_->set_subjects(std::move(subjects));
    } else {
        prober_.emplace(
            network_, std::move(subjects),
            [this](health::ScriptRun run) { return health::run_script(loop_, std::move(run)); },
            random_());
        loop_.post([this] { prober_->start(); });
    }
    names_ = std::make_unique<NameWatch>(watched);
    public_name_watch_ = std::make_unique<PublicNameWatch>(*config_, public_names_);
    if (!files_) files_.emplace();
    files_->watch(tls_, std::move(files));
}

/// A worker may still accept at a listener that has just gone. So those of the configuration before
/// are found, too, until the next one.
void Serving::set_services() {
    Services::ByListener services;
    ListenerFigures figures;
    for (const auto& listener : config_->listeners) {
        const auto known = listener_figures_.find(listener.name);
        figures[listener.name] = known != listener_figures_.end()
                                     ? known->second
                                     : std::make_shared<metrics::ListenerFigures>();
    }
    listener_figures_ = std::move(figures);
    for (const auto& listener : config_->listeners)
        services.emplace(
            listener.name,
            Worker::Service{std::shared_ptr<const config::Listener>(config_, &listener), pools_,
                            &ledger_, &public_names_, &notices_, tls_->server_of(listener.name),
                            false, listener_figures_[listener.name], &stories_,
                            kernel_path_.forwarder(listener)});
    auto former = std::exchange(services_of_config_, services);
    // A listener that has gone must not keep the kernel path.
    for (auto& [name, service] : former) service.forwarder.reset();
    services.merge(former);
    services_.set(std::move(services));
}

void Serving::inherit(const Inheritance& inheritance) {
    for (const auto& [name, address] : inheritance.public_names) public_names_.set(name, address);
    for (const auto& served : pools_->all()) {
        const auto is_of = [&](const Inheritance::Member& member, std::string_view backend) {
            return member.pool == served.pool->name() && member.backend == backend;
        };
        for (const auto& backend : served.pool->backends()) {
            if (backend->srv.empty() && base::Ip::parse(backend->host)) continue;
            std::vector<pool::Target> targets;
            for (const auto& member : inheritance.members)
                if (is_of(member, backend->name)) targets.push_back(member.target);
            if (!targets.empty()) served.pool->set_targets(backend, targets);
        }
        for (const auto& status : served.pool->status()) {
            const auto known = std::ranges::find_if(inheritance.members, [&](const auto& member) {
                return is_of(member, status.backend.settings->name) &&
                       member.target.address == status.backend.address;
            });
            if (known == inheritance.members.end()) continue;
            // The first answer decides alone.
            if (known->health == pool::Health::up)
                (void)served.pool->probe_passed(status.backend.id);
            if (known->health == pool::Health::down)
                served.pool->probe_failed(status.backend.id, "it was down before the upgrade");
        }
    }
}

std::vector<Inheritance::Member> Serving::members() const {
    std::vector<Inheritance::Member> all;
    for (const auto& served : pools_->all())
        for (const auto& status : served.pool->status())
            all.push_back(
                {served.pool->name(), status.backend.settings->name, status.target, status.health});
    return all;
}

std::vector<Inheritance::PublicName> Serving::public_names() const {
    std::vector<Inheritance::PublicName> all;
    for (const auto& [name, address] : public_names_.all()) all.push_back({name, address});
    return all;
}

void Serving::stop() {
    names_.reset();
    public_name_watch_.reset();
    files_.reset();
}

}  // namespace ballast::daemon
