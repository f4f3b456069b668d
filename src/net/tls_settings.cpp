// SPDX-License-Identifier: Apache-2.0
#include "net/tls_settings.h"

#include "base/file.h"

#include <memory>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string_view>

namespace ballast::net {

namespace {

/// Forward secrecy and authenticated encryption first, CBC for old clients. AES with 128 bits comes
/// before 256: it is as safe and costs less, above all in handshakes, which use SHA-256 with it.
constexpr const char* default_ciphers =
    "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:"
    "!aNULL:!eNULL";

/// The same order for TLS 1.3: what OpenSSL and its system-wide settings allow, AES-128 first.
std::string default_ciphersuites(const SSL_CTX* context) {
    std::string first;
    std::string others;
    const auto* const all = SSL_CTX_get_ciphers(context);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
        const auto* const each = sk_SSL_CIPHER_value(all, i);
        if (std::string_view(SSL_CIPHER_get_version(each)) != "TLSv1.3") continue;
        const std::string_view name = SSL_CIPHER_get_name(each);
        auto& suites = name.contains("_AES_128_GCM_") ? first : others;
        suites.append(name).append(":");
    }
    return first + others;
}

}  // namespace

int openssl_version(base::TlsVersion version) {
    switch (version) {
        case base::TlsVersion::tls_1_0: return TLS1_VERSION;
        case base::TlsVersion::tls_1_1: return TLS1_1_VERSION;
        case base::TlsVersion::tls_1_2: return TLS1_2_VERSION;
        case base::TlsVersion::tls_1_3: return TLS1_3_VERSION;
    }
    std::terminate();
}

/// Like X509_load_cert_crl_file(3).
base::Result<> load_trusted(ssl_ctx_st* context, const std::string& file) {
    const auto bytes = base::read_file(file);
    if (!bytes) return std::unexpected(bytes.error());
    const auto failed = [&] {
        return std::unexpected(openssl_error(base::Fault::internal, "loading " + file));
    };
    const auto source = memory_bio(*bytes);
    constexpr auto free_all = [](STACK_OF(X509_INFO) * all) {
        sk_X509_INFO_pop_free(all, X509_INFO_free);
    };
    const std::unique_ptr<STACK_OF(X509_INFO), decltype(free_all)> found(
        PEM_X509_INFO_read_bio(source.get(), nullptr, nullptr, nullptr), free_all);
    if (!found) return failed();
    auto* const store = SSL_CTX_get_cert_store(context);
    int count = 0;
    for (int i = 0; i < sk_X509_INFO_num(found.get()); ++i) {
        const auto* const each = sk_X509_INFO_value(found.get(), i);
        if (each->x509 != nullptr && X509_STORE_add_cert(store, each->x509) != 1) return failed();
        if (each->crl != nullptr && X509_STORE_add_crl(store, each->crl) != 1) return failed();
        if (each->x509 != nullptr || each->crl != nullptr) ++count;
    }
    if (count == 0)
        return std::unexpected(base::Error{
            base::Fault::internal, {}, "loading " + file + ": no certificate or crl found"});
    ERR_clear_error();
    return {};
}

base::Result<TlsContext> make_context(TlsRole role, const TlsSettings& settings) {
    ERR_clear_error();
    const auto* const method = role == TlsRole::server ? TLS_server_method() : TLS_client_method();
    TlsContext context(SSL_CTX_new(method));
    auto* const raw = context.get();
    if (raw == nullptr)
        return std::unexpected(openssl_error(base::Fault::internal, "setting up TLS"));
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_dh_auto(raw, 1);
    SSL_CTX_set_min_proto_version(raw, openssl_version(settings.min_version));
    SSL_CTX_set_max_proto_version(raw, openssl_version(settings.max_version));
    // OpenSSL 3 allows TLS 1.0 and 1.1, which use SHA-1, only at its lowest security level.
    const bool is_old = settings.min_version < base::TlsVersion::tls_1_2;
    auto ciphers = settings.ciphers.empty() ? default_ciphers : settings.ciphers;
    if (is_old && settings.ciphers.empty()) ciphers += ":@SECLEVEL=0";
    if (SSL_CTX_set_cipher_list(raw, ciphers.c_str()) != 1)
        return std::unexpected(
            openssl_error(base::Fault::internal, "ciphers = \"" + ciphers + '"'));
    const auto suites =
        settings.ciphersuites.empty() ? default_ciphersuites(raw) : settings.ciphersuites;
    if (SSL_CTX_set_ciphersuites(raw, suites.c_str()) != 1)
        return std::unexpected(
            openssl_error(base::Fault::internal, "ciphersuites = \"" + suites + '"'));
    if (settings.ca.empty()) return context;
    if (auto loaded = load_trusted(raw, settings.ca); !loaded)
        return std::unexpected(loaded.error());
    return context;
}

}  // namespace ballast::net
