// SPDX-License-Identifier: Apache-2.0
#include "net/tls_client.h"

#include "base/file.h"

#include <chrono>
#include <new>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <utility>

namespace ballast::net {

namespace {

int tickets_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

int is_control_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

/// OpenSSL marks the session of a failed connection as not resumable. So of a data connection this
/// keeps a copy: one broken transfer must not affect the next ones.
int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto& tickets = *static_cast<TlsTickets*>(SSL_get_ex_data(ssl, tickets_index()));
    const bool is_control = SSL_get_ex_data(ssl, is_control_index()) != nullptr;
    if (is_control) {
        tickets.keep_and_share(TlsSession(session));
    } else {
        tickets.keep(TlsSession(SSL_SESSION_dup(session)));
    }
    return is_control ? 1 : 0;  // 1: the session is ours now
}

/// Without its scope, which names a link of this machine.
bool set_address(X509_VERIFY_PARAM* verified, const base::Ip& address) {
    const auto& bytes = address.bytes();
    const auto* const first = reinterpret_cast<const unsigned char*>(bytes.data());
    return X509_VERIFY_PARAM_set1_ip(verified, first, address.is_v4() ? 4 : bytes.size()) == 1;
}

/// The client's own certificate first, then the chain.
base::Result<> use_certificates(SSL_CTX* context, const std::string& file) {
    const auto bytes = base::read_file(file);
    if (!bytes) return std::unexpected(bytes.error());
    const auto source = memory_bio(*bytes);
    const X509Certificate own(PEM_read_bio_X509_AUX(source.get(), nullptr, no_password, nullptr));
    bool done = own && SSL_CTX_use_certificate(context, own.get()) == 1;
    SSL_CTX_clear_chain_certs(context);
    while (done) {
        const X509Certificate next(PEM_read_bio_X509(source.get(), nullptr, no_password, nullptr));
        if (!next) break;
        done = SSL_CTX_add1_chain_cert(context, next.get()) == 1;
    }
    // Reading must stop at the end of the file or at a private key. Otherwise a certificate of the
    // chain is broken.
    if (!done || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return std::unexpected(openssl_error(base::Fault::internal, "loading " + file));
    ERR_clear_error();
    return {};
}

base::Result<> use_key(SSL_CTX* context, const std::string& file) {
    const auto bytes = base::read_file(file);
    if (!bytes) return std::unexpected(bytes.error());
    const auto source = memory_bio(*bytes);
    const PrivateKey key(PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr));
    if (key && SSL_CTX_use_PrivateKey(context, key.get()) == 1) return {};
    return std::unexpected(openssl_error(base::Fault::internal, "loading " + file));
}

}  // namespace

TlsSession TlsTickets::offer() const {
    return TlsSession(newest_ ? SSL_SESSION_dup(newest_.get()) : nullptr);
}

void TlsTickets::share(std::shared_ptr<TlsSessions> with, const base::Address& server,
                       TlsSessions::Time verified_at) {
    shared_with_ = std::move(with);
    server_ = server;
    verified_at_ = verified_at;
}

void TlsTickets::keep_and_share(TlsSession newest) {
    newest_ = std::move(newest);
    if (shared_with_ && SSL_SESSION_get_protocol_version(newest_.get()) == TLS1_3_VERSION)
        shared_with_->keep({server_, offer(), verified_at_});
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
    if (auto loaded = use_certificates(raw, settings.certificate); !loaded)
        return std::unexpected(loaded.error());
    if (auto loaded = use_key(raw, key); !loaded) return std::unexpected(loaded.error());
    return client;
}

Ssl TlsClient::new_ssl(TlsTickets& tickets, bool avoids_tls_1_3, TlsStream::Use use) const {
    Ssl ssl(SSL_new(context_.get()));
    if (!ssl) throw std::bad_alloc();
    SSL_set_ex_data(ssl.get(), tickets_index(), &tickets);
    SSL_set_ex_data(ssl.get(), is_control_index(),
                    use == TlsStream::Use::control ? &tickets : nullptr);
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
        // Without this any certificate of the authority would be accepted.
        if (!is_set) throw std::bad_alloc();
    }
    return ssl;
}

/// The session stays in `tickets` for data connections, in case the server makes no new ticket.
void TlsClient::resume(ssl_st* ssl, TlsTickets& tickets, const base::Address& server) const {
    const auto now = std::chrono::steady_clock::now();
    auto kept = sessions_->take(server, now);
    tickets.share(sessions_, server, kept ? kept->verified_at : now);
    if (!kept) return;
    tickets.keep(std::move(kept->session));
    if (const auto offered = tickets.offer()) SSL_set_session(ssl, offered.get());
}

std::unique_ptr<TlsStream> TlsClient::wrap_control(std::unique_ptr<Stream>&& plain,
                                                   TlsTickets& tickets, bool avoids_tls_1_3,
                                                   Start start) const {
    auto ssl = new_ssl(tickets, avoids_tls_1_3, TlsStream::Use::control);
    if (start == Start::may_resume && !avoids_tls_1_3) resume(ssl.get(), tickets, plain->peer());
    return std::make_unique<TlsStream>(std::move(plain), std::move(ssl), TlsStream::Use::control);
}

std::unique_ptr<TlsStream> TlsClient::wrap_data(std::unique_ptr<Stream> plain, TlsTickets& tickets,
                                                bool avoids_tls_1_3) const {
    auto ssl = new_ssl(tickets, avoids_tls_1_3, TlsStream::Use::data);
    if (const auto offered = tickets.offer()) SSL_set_session(ssl.get(), offered.get());
    return std::make_unique<TlsStream>(std::move(plain), std::move(ssl), TlsStream::Use::data);
}

}  // namespace ballast::net
