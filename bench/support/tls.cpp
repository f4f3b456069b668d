// SPDX-License-Identifier: Apache-2.0
#include "support/tls.h"

#include "support/trouble.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ballast::bench {

namespace {

template <auto Free>
struct FreeBy {
    void operator()(auto* owned) const noexcept { Free(owned); }
};
using Bio = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using X509Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>>;

void require(bool succeeded, std::string_view doing) {
    if (!succeeded) throw_tls_error(doing);
}

X509Certificate self_signed(EVP_PKEY* key) {
    constexpr long day = 24L * 60 * 60;
    X509Certificate certificate(X509_new());
    require(certificate != nullptr, "X509_new");
    X509* const it = certificate.get();
    X509_set_version(it, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(it), 1);
    X509_gmtime_adj(X509_getm_notBefore(it), -day);
    X509_gmtime_adj(X509_getm_notAfter(it), 90 * day);
    X509_set_pubkey(it, key);
    X509_NAME* const name = X509_get_subject_name(it);
    const auto* const text = reinterpret_cast<const unsigned char*>("bench");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(it, name);
    const Extension names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1,DNS:bench"));
    require(names != nullptr, "the names of the certificate");
    require(X509_add_ext(it, names.get(), -1) == 1, "X509_add_ext");
    require(X509_sign(it, key, EVP_sha256()) > 0, "X509_sign");
    return certificate;
}

std::string made_pem() {
    const Key key(EVP_EC_gen("P-256"));
    require(key != nullptr, "EVP_EC_gen");
    const X509Certificate certificate = self_signed(key.get());
    const Bio text(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_X509(text.get(), certificate.get()) == 1, "PEM_write_bio_X509");
    require(
        PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "PEM_write_bio_PrivateKey");
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(text.get(), &bytes);
    return {bytes, static_cast<std::size_t>(length)};
}

}  // namespace

void FreeTls::operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
void FreeTls::operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
void FreeTls::operator()(SSL* connection) const noexcept { SSL_free(connection); }

void throw_tls_error(std::string_view doing) {
    const unsigned long code = ERR_get_error();
    const char* const reason =
        code == 0 ? "the peer is gone or silent" : ERR_reason_error_string(code);
    ERR_clear_error();
    throw std::runtime_error(
        fmt::format("{}: {}", doing, reason == nullptr ? "unknown error" : reason));
}

Certificate::Certificate()
    : pem_(made_pem()), file_(check(::memfd_create("certificate", MFD_CLOEXEC), "memfd_create")) {
    // It holds a key: nobody else may read it.
    check(::fchmod(file_.get(), S_IRUSR | S_IWUSR), "fchmod");
    if (check(::write(file_.get(), pem_.data(), pem_.size()), "write") !=
        static_cast<ssize_t>(pem_.size()))
        throw std::runtime_error("cannot write the certificate");
}

std::string Certificate::path() const {
    return fmt::format("/proc/{}/fd/{}", ::getpid(), file_.get());
}

TlsContext server_context(const Certificate& certificate) {
    TlsContext context(SSL_CTX_new(TLS_server_method()));
    require(context != nullptr, "SSL_CTX_new");
    const Bio text(
        BIO_new_mem_buf(certificate.pem().data(), static_cast<int>(certificate.pem().size())));
    const X509Certificate chain(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    const Key key(PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr));
    require(SSL_CTX_use_certificate(context.get(), chain.get()) == 1, "SSL_CTX_use_certificate");
    require(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1, "SSL_CTX_use_PrivateKey");
    // Tickets carry the sessions: a cache would only add a lock that all threads share.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    return context;
}

TlsContext client_context(TlsVersion version) {
    const int number = version == TlsVersion::v1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    TlsContext context(SSL_CTX_new(TLS_client_method()));
    require(context != nullptr, "SSL_CTX_new");
    SSL_CTX_set_min_proto_version(context.get(), number);
    SSL_CTX_set_max_proto_version(context.get(), number);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    return context;
}

}  // namespace ballast::bench
