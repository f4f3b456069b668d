// SPDX-License-Identifier: Apache-2.0
#include "net/tls_client.h"

#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace ballast::net {

namespace {

int tickets_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

/// A copy: OpenSSL marks the session of a connection that ends badly as not to be resumed, and one
/// broken transfer must not spoil the next ones.
int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto& tickets = *static_cast<TlsTickets*>(SSL_get_ex_data(ssl, tickets_index()));
    tickets.keep(TlsSession(SSL_SESSION_dup(session)));
    return 0;
}

/// Without its scope, which is this machine's own word for a link.
bool set_address(X509_VERIFY_PARAM* verified, const base::Ip& address) {
    const auto& bytes = address.bytes();
    const auto* const first = reinterpret_cast<const unsigned char*>(bytes.data());
    return X509_VERIFY_PARAM_set1_ip(verified, first, address.is_v4() ? 4 : bytes.size()) == 1;
}

}  // namespace

TlsSession TlsTickets::offer() const {
    return TlsSession(newest_ ? SSL_SESSION_dup(newest_.get()) : nullptr);
}

base::Result<std::shared_ptr<TlsClient>> TlsClient::create(const Settings& settings) {
    auto context = make_context(TlsRole::client, settings);
    if (!context) return std::unexpected(context.error());
    std::shared_ptr<TlsClient> client(new TlsClient(settings));
    client->context_ = std::move(*context);
    client->address_ = base::Ip::parse(settings.server_name);
    if (settings.verify == Settings::Verify::full && settings.server_name.empty())
        return std::unexpected(base::Error{base::Fault::internal, {}, "no name to verify"});

    auto* const raw = client->context_.get();
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(raw, keep_session);
    if (settings.verify != Settings::Verify::none) {
        if (settings.ca.empty()) SSL_CTX_set_default_verify_paths(raw);
        SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    }
    if (settings.certificate.empty()) return client;
    const auto& key = settings.key.empty() ? settings.certificate : settings.key;
    // A key that needs a password is refused: nobody is there to type it.
    SSL_CTX_set_default_passwd_cb(raw, [](char*, int, int, void*) { return -1; });
    if (SSL_CTX_use_certificate_chain_file(raw, settings.certificate.c_str()) != 1)
        return std::unexpected(
            openssl_error(base::Fault::internal, "loading " + settings.certificate));
    if (SSL_CTX_use_PrivateKey_file(raw, key.c_str(), SSL_FILETYPE_PEM) != 1)
        return std::unexpected(openssl_error(base::Fault::internal, "loading " + key));
    return client;
}

Ssl TlsClient::new_ssl(TlsTickets& tickets, bool avoids_tls_1_3) const {
    Ssl ssl(SSL_new(context_.get()));
    if (!ssl) throw std::bad_alloc();
    SSL_set_ex_data(ssl.get(), tickets_index(), &tickets);
    SSL_set_connect_state(ssl.get());
    if (avoids_tls_1_3 && may_avoid_tls_1_3()) SSL_set_max_proto_version(ssl.get(), TLS1_2_VERSION);
    const auto& name = settings_.server_name;
    // RFC 6066 3: literal addresses are not permitted in SNI.
    if (!name.empty() && !address_) SSL_set_tlsext_host_name(ssl.get(), name.c_str());
    if (settings_.verify == Settings::Verify::full) {
        auto* const verified = SSL_get0_param(ssl.get());
        const bool is_set =
            address_ ? set_address(verified, *address_)
                     : X509_VERIFY_PARAM_set1_host(verified, name.c_str(), name.size()) == 1;
        // Without it any certificate of the authority would do.
        if (!is_set) throw std::bad_alloc();
    }
    return ssl;
}

std::unique_ptr<TlsStream> TlsClient::wrap_control(std::unique_ptr<Stream> plain,
                                                   TlsTickets& tickets, bool avoids_tls_1_3) const {
    return std::make_unique<TlsStream>(std::move(plain), new_ssl(tickets, avoids_tls_1_3),
                                       TlsStream::Use::control);
}

std::unique_ptr<TlsStream> TlsClient::wrap_data(std::unique_ptr<Stream> plain, TlsTickets& tickets,
                                                bool avoids_tls_1_3) const {
    auto ssl = new_ssl(tickets, avoids_tls_1_3);
    if (const auto offered = tickets.offer()) SSL_set_session(ssl.get(), offered.get());
    return std::make_unique<TlsStream>(std::move(plain), std::move(ssl), TlsStream::Use::data);
}

}  // namespace ballast::net
