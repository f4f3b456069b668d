// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/gate.h"
#include "backend/knowledge.h"
#include "config/config.h"
#include "daemon/file_watch.h"
#include "daemon/inheritance.h"
#include "daemon/kernel_path.h"
#include "daemon/name_watch.h"
#include "daemon/probe_secrets.h"
#include "daemon/public_name_watch.h"
#include "daemon/services.h"
#include "daemon/tls.h"
#include "guard/ledger.h"
#include "health/prober.h"
#include "loop/worker_loop.h"
#include "net/socket_network.h"
#include "session/pools.h"
#include "session/public_names.h"
#include "session/stories.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::daemon {

/// A configuration with what its files contain. Made on any thread, because files may be slow.
struct Parts {
    std::shared_ptr<const config::Config> config;
    std::shared_ptr<Tls> tls;
    ProbeSecrets secrets;
    admin::Gate::Settings gate;  ///< for operators
};

/// What new sessions get: listeners, pools and TLS, kept up to date by probes and by watching names
/// and files. `use` replaces all of it at once. Pools and backends that stay keep their sessions,
/// health, queue and stickiness, by their names; sessions keep what they began with. Control
/// thread, unless said otherwise.
class Serving {
public:
    /// All must outlive it and all sessions.
    Serving(loop::WorkerLoop& loop, net::SocketNetwork& network, guard::Ledger& ledger,
            const KernelPath& kernel_path, std::uint64_t seed);

    void use(Parts parts);
    /// What a replaced process knew of names and health. After `use`.
    void inherit(const Inheritance& inheritance);
    /// What the next process inherits.
    [[nodiscard]] std::vector<Inheritance::Member> members() const;
    [[nodiscard]] std::vector<Inheritance::PublicName> public_names() const;
    /// Ends the watching.
    void stop();

    [[nodiscard]] const std::shared_ptr<const config::Config>& config() const { return config_; }
    [[nodiscard]] const std::shared_ptr<Tls>& tls() const { return tls_; }
    [[nodiscard]] const session::Pools& pools() const { return *pools_; }
    [[nodiscard]] const std::shared_ptr<const session::Pools>& shared_pools() const {
        return pools_;
    }
    /// Null before the first `use`.
    [[nodiscard]] health::Prober* prober() { return prober_ ? &*prober_ : nullptr; }
    [[nodiscard]] const session::Stories& stories() const { return stories_; }
    /// What a new client of this listener gets; empty if there is no such listener any more. Any
    /// thread.
    [[nodiscard]] std::optional<Worker::Service> service(std::string_view listener) const {
        return services_.find(listener);
    }
    /// The figures of each listener, by its name. They survive reloads.
    using ListenerFigures = std::map<std::string, std::shared_ptr<metrics::ListenerFigures>>;
    [[nodiscard]] const ListenerFigures& listener_figures() const { return listener_figures_; }

private:
    [[nodiscard]] session::ServedPool serve(const config::Pool& settings);
    void set_services();

    loop::WorkerLoop& loop_;
    net::SocketNetwork& network_;
    guard::Ledger& ledger_;
    const KernelPath& kernel_path_;
    std::mt19937_64 random_;
    std::shared_ptr<const config::Config> config_;
    std::shared_ptr<Tls> tls_;
    backend::Knowledge knowledge_;
    std::shared_ptr<const session::Pools> pools_ = std::make_shared<const session::Pools>();
    session::PublicNames public_names_;
    session::Notices notices_;
    session::Stories stories_{0};
    Services::ByListener services_of_config_;
    Services services_;
    ListenerFigures listener_figures_;
    std::optional<health::Prober> prober_;
    std::unique_ptr<NameWatch> names_;
    std::unique_ptr<PublicNameWatch> public_name_watch_;
    std::optional<FileWatch> files_;
};

}  // namespace ballast::daemon
