// SPDX-License-Identifier: Apache-2.0
#include "backend/contacts.h"

#include <fmt/format.h>
#include <vector>

namespace ballast::backend {

namespace {

net::TlsClient::Settings::Verify verify_of(config::BackendVerify verify) {
    switch (verify) {
        case config::BackendVerify::full: return net::TlsClient::Settings::Verify::full;
        case config::BackendVerify::ca: return net::TlsClient::Settings::Verify::ca;
        case config::BackendVerify::none: return net::TlsClient::Settings::Verify::none;
    }
    std::terminate();
}

/// The name that the certificate must contain. Targets of SRV records are as untrusted as the name
/// server, so RFC 6125 6.2.1 uses the requested name, without its service and protocol.
std::string name_of(const config::Backend& backend) {
    if (backend.srv.empty()) return backend.host;
    std::string_view name = backend.srv;
    while (name.starts_with('_') && name.contains('.')) name.remove_prefix(name.find('.') + 1);
    return std::string(name);
}

}  // namespace

base::Error Contact::left(const base::Address& peer) const {
    const std::string_view why = is_disabled() ? "was disabled" : "is not waited for any longer";
    return {base::Fault::backend_refused, {}, fmt::format("{} {}", base::to_string(peer), why)};
}

void Contacts::configure(std::shared_ptr<const config::Pool> pool) {
    const std::lock_guard lock(mutex_);
    pool_ = std::move(pool);
}

void Contacts::set_tls_client(const BackendSettings& backend, TlsClient client) {
    const std::lock_guard lock(mutex_);
    std::erase_if(tls_clients_, [](const auto& each) { return each.second.backend.expired(); });
    if (client) tls_clients_[backend.get()] = {backend, std::move(client)};
}

Contact Contacts::contact(const BackendSettings& backend, std::uint64_t id,
                          const base::Address& address) const {
    auto known = knowledge_.of(id);
    const std::lock_guard lock(mutex_);
    Contact contact{address, pool_, backend, nullptr, std::move(known), {}};
    const auto found = tls_clients_.find(backend.get());
    if (found != tls_clients_.end()) contact.tls_client = found->second.client;
    contact.source = next_source(address.ip.family());
    return contact;
}

/// Of the pool's addresses that reach this family. Call with the lock.
std::optional<base::Ip> Contacts::next_source(base::Family family) const {
    std::vector<base::Ip> usable;
    for (const auto& ip : pool_->source.addresses)
        if (ip.family() == family) usable.push_back(ip);
    if (usable.empty()) return std::nullopt;
    return usable[sources_used_[family]++ % usable.size()];
}

base::Result<std::shared_ptr<const net::TlsClient>> make_tls_client(
    const config::Backend& backend) {
    const auto& tls = backend.tls;
    if (tls.mode == config::BackendTlsMode::off) return nullptr;
    net::TlsClient::Settings settings;
    settings.min_version = tls.min_version;
    settings.max_version = tls.max_version;
    settings.ciphers = tls.ciphers;
    settings.ciphersuites = tls.ciphersuites;
    settings.ca = tls.ca;
    settings.verify = verify_of(tls.verify);
    settings.certificate = tls.certificate;
    settings.key = tls.key;
    settings.server_name = tls.server_name.empty() ? name_of(backend) : tls.server_name;
    auto client = net::TlsClient::create(settings);
    if (!client) return std::unexpected(client.error());
    return std::move(*client);
}

}  // namespace ballast::backend
