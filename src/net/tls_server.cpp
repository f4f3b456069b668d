// SPDX-License-Identifier: Apache-2.0
#include "net/tls_server.h"

#include "base/file.h"
#include "metrics/counters.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

namespace ballast::net {

namespace {

/// Where OpenSSL's connections hold our data.
int bond_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}
int use_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

/// How long a session may be resumed: the maximum of TLS 1.3 (RFC 8446 4.6.1). An FTP session may
/// be long, and its data connections resume its first handshake.
constexpr long session_seconds = 7L * 24 * 60 * 60;

/// Which tickets are valid: those of a listener with this name that asks for the same certificates.
/// A resumed session is not asked for its certificate again, so tickets of other listeners or from
/// before a change of the authorities must not count.
std::array<unsigned char, SHA256_DIGEST_LENGTH> context_id(const TlsServer::Settings& settings,
                                                           std::string_view ca) {
    std::string told =
        settings.name + '\0' + std::to_string(static_cast<int>(settings.client_certificate)) + '\0';
    told += ca;
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    EVP_Digest(told.data(), told.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    return digest;
}

}  // namespace

TlsBond::TlsBond() {
    if (RAND_bytes(id_.data(), static_cast<int>(id_.size())) != 1) std::terminate();
}

/// OpenSSL's callbacks during a handshake. `argument` is the server.
struct TlsServer::Callbacks {
    static const TlsServer& server(void* argument) {
        return *static_cast<const TlsServer*>(argument);
    }
    static TlsBond& bond(SSL* ssl) {
        return *static_cast<TlsBond*>(SSL_get_ex_data(ssl, bond_index()));
    }
    static bool is_data(SSL* ssl) { return SSL_get_ex_data(ssl, use_index()) != nullptr; }

    static int choose_certificate(SSL* ssl, void* argument) {
        const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        server(argument).certificates()->use_for(ssl, name != nullptr ? name : "");
        return 1;
    }

    /// Makes OpenSSL keep any name.
    static int accept_name(SSL* /*ssl*/, int* /*alert*/, void* /*argument*/) {
        return SSL_TLSEXT_ERR_OK;
    }

    static int staple(SSL* ssl, void* argument) {
        const auto response = server(argument).certificates()->ocsp_for(ssl);
        if (response.empty()) return SSL_TLSEXT_ERR_NOACK;
        auto* const copy = static_cast<unsigned char*>(OPENSSL_malloc(response.size()));
        if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
        std::ranges::copy(response, copy);
        SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(response.size()));
        return SSL_TLSEXT_ERR_OK;
    }

    /// Writes the id of this session into a new ticket, even if the control connection itself was
    /// resumed from another session's ticket.
    static int write_id(SSL* ssl, void* /*argument*/) {
        const auto& id = bond(ssl).id_;
        return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), id.data(), id.size());
    }

    static bool has_own_id(SSL* ssl, SSL_SESSION* session) {
        void* bytes = nullptr;
        std::size_t size = 0;
        if (SSL_SESSION_get0_ticket_appdata(session, &bytes, &size) != 1) return false;
        const auto& id = bond(ssl).id_;
        return size == id.size() && CRYPTO_memcmp(bytes, id.data(), size) == 0;
    }

    static SSL_TICKET_RETURN judge_ticket(SSL* ssl, SSL_SESSION* session,
                                          const unsigned char* /*name*/, std::size_t /*size*/,
                                          SSL_TICKET_STATUS status, void* argument) {
        const bool is_readable = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
        // Ask for a certificate and verify it at each login: it may have expired meanwhile.
        const bool asks = server(argument).settings_.client_certificate != Settings::Ask::none;
        if (!is_data(ssl))
            return is_readable && !asks ? SSL_TICKET_RETURN_USE_RENEW
                                        : SSL_TICKET_RETURN_IGNORE_RENEW;
        if (!is_readable || !server(argument).settings_.resumes_data)
            return SSL_TICKET_RETURN_IGNORE;
        if (has_own_id(ssl, session)) return SSL_TICKET_RETURN_USE;
        metrics::count(metrics::Counter::tls_tickets_of_others);
        return SSL_TICKET_RETURN_IGNORE;
    }

    /// For clients without tickets: a data connection may resume the session of its own control
    /// connection only.
    static SSL_SESSION* find_session(SSL* ssl, const unsigned char* id, int size, int* copy) {
        if (!is_data(ssl)) return nullptr;
        SSL_SESSION* const own = bond(ssl).session_.get();
        if (own == nullptr) return nullptr;
        unsigned int own_size = 0;
        const auto* const own_id = SSL_SESSION_get_id(own, &own_size);
        if (size < 0 || own_size != static_cast<unsigned int>(size) ||
            std::memcmp(own_id, id, own_size) != 0)
            return nullptr;
        // A copy, because OpenSSL marks the session of a failed connection as not resumable.
        *copy = 0;
        return SSL_SESSION_dup(own);
    }

    /// RFC 5077 4, with the listener's keys.
    static int use_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int encrypts) {
        auto& keys = *static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
        TicketKey key;
        bool is_old = false;
        if (encrypts != 0) {
            key = keys.current(std::chrono::steady_clock::now());
            std::ranges::copy(key.name, name);
            if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
        } else {
            const auto found = keys.find(name);
            if (!found) return 0;
            key = found->key;
            is_old = found->is_old;
        }
        char digest[] = "SHA256";
        const std::array<OSSL_PARAM, 3> parameters = {
            OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.hmac.data(), key.hmac.size()),
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
            OSSL_PARAM_construct_end()};
        bool done = EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
        done = done && EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.aes.data(), iv,
                                         encrypts) == 1;
        if (!done) return -1;
        return is_old ? 2 : 1;
    }
};

base::Result<std::shared_ptr<TlsServer>> TlsServer::create(
    const Settings& settings, std::shared_ptr<const Certificates> certificates,
    std::shared_ptr<TicketKeys> keys) {
    auto context = make_context(TlsRole::server, settings);
    if (!context) return std::unexpected(context.error());
    std::shared_ptr<TlsServer> server(new TlsServer(settings));
    server->context_ = std::move(*context);
    server->certificates_ = std::move(certificates);
    server->keys_ = std::move(keys);

    auto* const raw = server->context_.get();
    if (auto usable = server->certificates_->try_on(raw); !usable)
        return std::unexpected(usable.error());
    SSL_CTX_set_app_data(raw, server->keys_.get());
    SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_cert_cb(raw, Callbacks::choose_certificate, server.get());
    SSL_CTX_set_tlsext_servername_callback(raw, Callbacks::accept_name);
    SSL_CTX_set_tlsext_status_cb(raw, Callbacks::staple);
    SSL_CTX_set_tlsext_status_arg(raw, server.get());
    SSL_CTX_set_session_ticket_cb(raw, Callbacks::write_id, Callbacks::judge_ticket, server.get());
    SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, Callbacks::use_key);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_get_cb(raw, Callbacks::find_session);
    if (!settings.resumes_data) SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);
    // One ticket goes with the first reply (`remember`), and a fresh one before each data
    // connection. OpenSSL would send the first in a packet of its own.
    SSL_CTX_set_num_tickets(raw, 0);
    base::WipedString ca;
    if (!settings.ca.empty()) {
        auto bytes = base::read_file(settings.ca);
        if (!bytes) return std::unexpected(bytes.error());
        ca = std::move(*bytes);
    }
    const auto id = context_id(settings, ca);
    SSL_CTX_set_session_id_context(raw, id.data(), static_cast<unsigned int>(id.size()));
    SSL_CTX_set_timeout(raw, session_seconds);
    if (settings.client_certificate != Settings::Ask::none) {
        const bool required = settings.client_certificate == Settings::Ask::require;
        SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                           nullptr);
        const auto source = memory_bio(ca);
        while (const auto each =
                   X509Certificate(PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr)))
            SSL_CTX_add_client_CA(raw, each.get());
        ERR_clear_error();
    }
    return server;
}

TlsServer::~TlsServer() = default;

std::shared_ptr<const Certificates> TlsServer::certificates() const {
    const std::lock_guard lock(mutex_);
    return certificates_;
}

base::Result<> TlsServer::replace_certificates(std::shared_ptr<const Certificates> certificates) {
    if (auto usable = certificates->try_on(context_.get()); !usable) return usable;
    const std::lock_guard lock(mutex_);
    certificates_ = std::move(certificates);
    return {};
}

Ssl TlsServer::new_ssl(TlsBond& bond, TlsStream::Use use) const {
    Ssl ssl(SSL_new(context_.get()));
    if (!ssl) throw std::bad_alloc();
    SSL_set_ex_data(ssl.get(), bond_index(), &bond);
    SSL_set_ex_data(ssl.get(), use_index(), use == TlsStream::Use::data ? &bond : nullptr);
    SSL_set_accept_state(ssl.get());
    return ssl;
}

std::unique_ptr<TlsStream> TlsServer::wrap_control(std::unique_ptr<Stream>&& plain,
                                                   TlsBond& bond) const {
    return std::make_unique<TlsStream>(std::move(plain), new_ssl(bond, TlsStream::Use::control),
                                       TlsStream::Use::control, !settings_.may_leave);
}

void TlsServer::remember(TlsStream& control, TlsBond& bond) const {
    refresh_ticket(control);
    // A session that was resumed from a ticket is shared with another session.
    if (!control.is_tls_1_3() && !control.is_resumed() && settings_.resumes_data)
        bond.session_.reset(SSL_SESSION_dup(SSL_get0_session(control.ssl())));
}

std::unique_ptr<TlsStream> TlsServer::wrap_data(std::unique_ptr<Stream> plain,
                                                TlsBond& bond) const {
    return std::make_unique<TlsStream>(std::move(plain), new_ssl(bond, TlsStream::Use::data),
                                       TlsStream::Use::data);
}

void TlsServer::refresh_ticket(TlsStream& control) const {
    if (settings_.resumes_data) control.send_ticket();
}

}  // namespace ballast::net
