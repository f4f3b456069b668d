// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/knowledge.h"
#include "base/address.h"
#include "base/error.h"
#include "config/config.h"
#include "metrics/backend_figures.h"
#include "net/binding.h"
#include "net/tls_client.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::backend {

/// Whether a session goes on waiting for its backend.
enum class Patience : std::uint8_t {
    on,
    disabled,  ///< the administrator has ended all sessions there
    given_up,  ///< the session or its client waits no longer
};

/// Everything that a leg needs to reach one backend.
struct Contact {
    base::Address address;
    std::shared_ptr<const config::Pool> settings;
    std::shared_ptr<const config::Backend> backend;
    std::shared_ptr<const net::TlsClient> tls_client;  ///< null where `backend->tls.mode` is off
    std::shared_ptr<Known> known;
    std::string preamble = {};            ///< sent before everything else: a PROXY header
    std::optional<base::Ip> source = {};  ///< of all connections there; empty: the system's choice
    bool is_transparent = false;          ///< the source is the client's address
    bool is_warm = false;                 ///< for a session whose client has not come yet
    bool is_sealed = false;  ///< the client's own TLS passes through: the leg begins none
    /// Whether to wait no longer for it. Asked when the leg's signal is raised. Empty: wait.
    std::function<Patience()> patience = {};
    /// Where to count what happens to the session there. Null: it is Ballast's own.
    std::shared_ptr<metrics::BackendFigures> figures = {};
    std::string_view session = {};  ///< for log lines; outlives the leg; empty: Ballast's own

    [[nodiscard]] net::Binding source_binding() const {
        return is_transparent ? net::Binding::transparent : net::Binding::strict;
    }

    /// Whether waits for it shall end.
    [[nodiscard]] bool is_left() const { return patience && patience() != Patience::on; }
    [[nodiscard]] bool is_disabled() const { return patience && patience() == Patience::disabled; }
    /// The error of a wait that ended so. It says nothing about the backend's health.
    [[nodiscard]] base::Error left(const base::Address& peer) const;
};

/// How to reach the backends of one pool, and what is known about them. Any thread may call.
class Contacts {
public:
    using BackendSettings = std::shared_ptr<const config::Backend>;
    using TlsClient = std::shared_ptr<const net::TlsClient>;

    /// `knowledge` must outlive it.
    Contacts(std::shared_ptr<const config::Pool> pool, Knowledge& knowledge)
        : knowledge_(knowledge), pool_(std::move(pool)) {}

    /// For legs from now on.
    void configure(std::shared_ptr<const config::Pool> pool);
    /// Sets the TLS client of this backend. Call before the first session goes there, unless it has
    /// no TLS. Forgets clients of backends that are no longer in use.
    void set_tls_client(const BackendSettings& backend, TlsClient client);
    /// `id` is the backend's.
    [[nodiscard]] Contact contact(const BackendSettings& backend, std::uint64_t id,
                                  const base::Address& address) const;
    [[nodiscard]] std::shared_ptr<Known> known(std::uint64_t id) const { return knowledge_.of(id); }

private:
    struct Entry {
        std::weak_ptr<const config::Backend> backend;
        TlsClient client;
    };
    [[nodiscard]] std::optional<base::Ip> next_source(base::Family family) const;

    Knowledge& knowledge_;
    mutable std::mutex mutex_;
    mutable std::map<base::Family, std::size_t> sources_used_;  // under the mutex
    std::shared_ptr<const config::Pool> pool_;
    std::map<const config::Backend*, Entry> tls_clients_;
};

/// The client for this backend's settings; null if they have no TLS.
[[nodiscard]] base::Result<std::shared_ptr<const net::TlsClient>> make_tls_client(
    const config::Backend& backend);

}  // namespace ballast::backend
