// SPDX-License-Identifier: Apache-2.0
#include "support/certificates.h"

#include <atomic>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdexcept>

namespace ballast::support {

namespace {

/// RSA keys take long to make, so there is only one.
net::PrivateKey new_key(CertificateWish::Key kind) {
    if (kind == CertificateWish::Key::ecdsa) return net::PrivateKey(EVP_EC_gen("P-256"));
    static const net::PrivateKey rsa(EVP_RSA_gen(2048));
    EVP_PKEY_up_ref(rsa.get());
    return net::PrivateKey(rsa.get());
}

void add_extension(X509* certificate, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr) throw std::runtime_error("no such extension: " + value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/// Everything but the signature.
net::X509Certificate new_certificate(const CertificateWish& wish, EVP_PKEY* key,
                                     const X509_NAME* issuer) {
    static std::atomic<long> serial = 1;
    constexpr long day = 24 * 60 * 60;
    net::X509Certificate certificate(X509_new());
    auto* const raw = certificate.get();
    X509_set_version(raw, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(raw), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(raw), -400 * day);
    // An hour more, so that the whole number of days is left.
    X509_gmtime_adj(X509_getm_notAfter(raw), wish.days_left * day + 3600);
    X509_set_pubkey(raw, key);
    X509_NAME* const subject = X509_get_subject_name(raw);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(raw, issuer != nullptr ? issuer : subject);
    if (!wish.names.empty()) add_extension(raw, NID_subject_alt_name, wish.names);
    return certificate;
}

template <typename Write>
std::string text_of(Write write) {
    const net::Bio bio(BIO_new(BIO_s_mem()));
    write(bio.get());
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

std::string Identity::certificate_pem() const {
    return text_of([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); });
}

std::string Identity::key_pem() const {
    return text_of([&](BIO* bio) {
        PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
}

Authority::Authority(const TemporaryDirectory& directory, const std::string& name)
    : directory_(directory) {
    own_.key = new_key(CertificateWish::Key::ecdsa);
    own_.certificate = new_certificate({.common_name = name, .names = {}}, own_.key.get(), nullptr);
    add_extension(own_.certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(own_.certificate.get(), own_.key.get(), EVP_sha256());
    own_.file = directory_.write(name + ".pem", own_.certificate_pem());
}

Identity Authority::issue(const std::string& name, const CertificateWish& wish) const {
    Identity identity;
    identity.key = new_key(wish.key);
    identity.certificate =
        new_certificate(wish, identity.key.get(), X509_get_subject_name(own_.certificate.get()));
    X509_sign(identity.certificate.get(), own_.key.get(), EVP_sha256());
    identity.file = directory_.write(name, identity.certificate_pem() + identity.key_pem());
    return identity;
}

std::string Authority::ocsp_response(const Identity& identity, std::chrono::seconds valid) const {
    OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
    ASN1_TIME* const from = X509_gmtime_adj(nullptr, -3600);
    ASN1_TIME* const until = X509_gmtime_adj(nullptr, static_cast<long>(valid.count()));
    OCSP_CERTID* const id =
        OCSP_cert_to_id(EVP_sha1(), identity.certificate.get(), own_.certificate.get());
    OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, from, until);
    OCSP_basic_sign(basic, own_.certificate.get(), own_.key.get(), EVP_sha256(), nullptr, 0);
    OCSP_RESPONSE* const response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    auto der = text_of([&](BIO* bio) { i2d_OCSP_RESPONSE_bio(bio, response); });
    OCSP_RESPONSE_free(response);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(until);
    ASN1_TIME_free(from);
    OCSP_BASICRESP_free(basic);
    return der;
}

}  // namespace ballast::support
