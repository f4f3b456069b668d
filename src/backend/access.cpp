// SPDX-License-Identifier: Apache-2.0
#include "backend/access.h"

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

}  // namespace

Access::Access(const config::Pool& pool, Knowledge& knowledge,
               std::vector<std::shared_ptr<const net::TlsClient>> tls_clients)
    : pool_(pool), knowledge_(knowledge), tls_clients_(std::move(tls_clients)) {}

Contact Access::contact(std::size_t index, std::uint64_t id, const base::Address& address) const {
    return {address, pool_, pool_.backends.at(index).tls, tls_clients_.at(index),
            knowledge_.of(id)};
}

base::Result<std::shared_ptr<const net::TlsClient>> make_tls_client(const config::BackendTls& tls,
                                                                    const std::string& host) {
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
    settings.server_name = tls.server_name.empty() ? host : tls.server_name;
    auto client = net::TlsClient::create(settings);
    if (!client) return std::unexpected(client.error());
    return std::move(*client);
}

}  // namespace ballast::backend
