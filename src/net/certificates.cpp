// SPDX-License-Identifier: Apache-2.0
#include "net/certificates.h"

#include "base/ascii.h"
#include "base/file.h"
#include "net/tls_settings.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <ranges>

namespace ballast::net {

namespace {

/// The DNS names of a certificate, or its common name if there are none (RFC 6125 6.4.4).
std::vector<std::string> names_of(X509* certificate) {
    std::vector<std::string> names;
    auto* const alternatives = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
        const auto* const name = sk_GENERAL_NAME_value(alternatives, i);
        if (name->type != GEN_DNS) continue;
        const auto* const bytes = ASN1_STRING_get0_data(name->d.dNSName);
        names.push_back(
            base::lower({reinterpret_cast<const char*>(bytes),
                         static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
    }
    GENERAL_NAMES_free(alternatives);
    if (!names.empty()) return names;
    std::string common(256, '\0');
    const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                               common.data(), static_cast<int>(common.size()));
    if (size > 0)
        names.push_back(
            base::lower(std::string_view(common).substr(0, static_cast<std::size_t>(size))));
    return names;
}

int days_left(const X509* certificate) {
    int days = 0;
    int seconds = 0;
    ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate));
    // Negative within the first day after expiry too.
    return days == 0 && seconds < 0 ? -1 : days;
}

/// Until when an OCSP response is valid, or why it cannot be used.
std::expected<std::int64_t, std::string> validity_of(const std::string& der) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<OCSP_RESPONSE, decltype(&OCSP_RESPONSE_free)> response(
        d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())), OCSP_RESPONSE_free);
    if (!response) return std::unexpected("is not an OCSP response in DER form");
    if (OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return std::unexpected(
            fmt::format("is an error response: {}",
                        OCSP_response_status_str(OCSP_response_status(response.get()))));
    const std::unique_ptr<OCSP_BASICRESP, decltype(&OCSP_BASICRESP_free)> basic(
        OCSP_response_get1_basic(response.get()), OCSP_BASICRESP_free);
    auto* const single = basic ? OCSP_resp_get0(basic.get(), 0) : nullptr;
    if (single == nullptr) return std::unexpected("contains no certificate status");
    ASN1_GENERALIZEDTIME* next_update = nullptr;
    OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &next_update);
    if (next_update == nullptr) return std::numeric_limits<std::int64_t>::max();
    std::tm time{};
    ASN1_TIME_to_tm(next_update, &time);
    return ::timegm(&time);
}

}  // namespace

std::int64_t expires_at(const X509* certificate) {
    std::tm time{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return 0;
    return ::timegm(&time);
}

std::expected<Certificates::Identity, Certificates::Problem> Certificates::load_one(
    const Files& files, std::size_t index) {
    const auto problem = [&](Problem::File file, std::string what, std::string_view fix) {
        return std::unexpected(Problem{index, file, std::move(what), std::string(fix)});
    };
    const auto unreadable = [&](Problem::File file, const base::Error& error) {
        return problem(file, base::to_string(error), base::cure_of_unreadable(error));
    };
    Identity identity;
    identity.file = files.certificate;
    const auto certificate_bytes = base::read_file(files.certificate);
    if (!certificate_bytes)
        return unreadable(Problem::File::certificate, certificate_bytes.error());
    if (certificate_bytes->empty())
        return problem(Problem::File::certificate, files.certificate + " is empty",
                       "write the certificate into it, in PEM form");
    const auto certificate_file = memory_bio(*certificate_bytes);
    identity.certificate.reset(
        PEM_read_bio_X509_AUX(certificate_file.get(), nullptr, no_password, nullptr));
    if (!identity.certificate)
        return problem(
            Problem::File::certificate,
            fmt::format("{} holds no certificate in PEM form: {}", files.certificate,
                        take_openssl_error()),
            "name a file with a line -----BEGIN CERTIFICATE-----; to convert DER: openssl "
            "x509 -inform der");
    while (auto* const next =
               PEM_read_bio_X509(certificate_file.get(), nullptr, no_password, nullptr))
        identity.chain.emplace_back(next);
    // Reading must stop at the end of the file or at a private key. Otherwise a certificate of the
    // chain is broken.
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return problem(Problem::File::certificate,
                       fmt::format("{} holds a certificate that cannot be read: {}",
                                   files.certificate, take_openssl_error()),
                       "replace it with a complete file");
    ERR_clear_error();
    identity.names = names_of(identity.certificate.get());

    const bool has_key_file = !files.key.empty();
    const auto& key_name = has_key_file ? files.key : files.certificate;
    const auto key_kind = has_key_file ? Problem::File::key : Problem::File::certificate;
    const auto key_bytes = base::read_file(key_name);
    if (!key_bytes) return unreadable(key_kind, key_bytes.error());
    if (key_bytes->empty())
        return problem(key_kind, key_name + " is empty",
                       "write the private key into it, in PEM form");
    const auto key_file = memory_bio(*key_bytes);
    identity.key.reset(PEM_read_bio_PrivateKey(key_file.get(), nullptr, no_password, nullptr));
    if (!identity.key) {
        const auto why = take_openssl_error();
        const auto text = std::string_view(*key_bytes);
        if (text.contains("ENCRYPTED"))
            return problem(key_kind, fmt::format("the private key in {} has a password", key_name),
                           "remove the password: openssl pkey -in OLD -out NEW");
        if (text.contains("PRIVATE KEY-----"))
            return problem(key_kind,
                           fmt::format("the private key in {} cannot be read: {}", key_name, why),
                           "replace it with a complete file");
        if (!has_key_file)
            return problem(key_kind, fmt::format("{} holds no private key", key_name),
                           "name the key's file in key, or append the key to this file");
        return problem(
            key_kind, fmt::format("{} holds no private key in PEM form", key_name),
            "name a file with a line -----BEGIN PRIVATE KEY-----; to convert DER: openssl "
            "pkey -inform der");
    }
    if (X509_check_private_key(identity.certificate.get(), identity.key.get()) != 1)
        return problem(key_kind,
                       fmt::format("the key in {} does not belong to the certificate in {}",
                                   key_name, files.certificate),
                       "name the key that the certificate was made for");
    ERR_clear_error();

    if (files.ocsp.empty()) return identity;
    const auto ocsp = base::read_file(files.ocsp);
    if (!ocsp) return unreadable(Problem::File::ocsp, ocsp.error());
    if (ocsp->empty())
        return problem(Problem::File::ocsp, files.ocsp + " is empty",
                       "write the response into it, in DER form");
    identity.ocsp = *ocsp;
    const auto until = validity_of(identity.ocsp);
    ERR_clear_error();
    if (!until)
        return problem(Problem::File::ocsp, fmt::format("{} {}", files.ocsp, until.error()),
                       "ask the responder again: openssl ocsp -respout writes DER form");
    identity.ocsp_until = *until;
    identity.ocsp_file = files.ocsp;
    return identity;
}

std::expected<std::shared_ptr<const Certificates>, Certificates::Problem> Certificates::load(
    std::span<const Files> files) {
    auto loaded = std::make_shared<Certificates>();
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto one = load_one(files[i], i);
        if (!one) return std::unexpected(one.error());
        loaded->identities_.push_back(std::move(*one));
    }
    return loaded;
}

/// RFC 6125 6.4.3: a wildcard stands for the whole leftmost label.
bool Certificates::has_name(const Identity& identity, std::string_view lower_name) {
    return std::ranges::any_of(identity.names, [&](std::string_view name) {
        if (!name.starts_with("*.")) return name == lower_name;
        const auto dot = lower_name.find('.');
        return dot != std::string_view::npos && dot > 0 && lower_name.substr(dot) == name.substr(1);
    });
}

bool Certificates::use(ssl_st* ssl, const Identity& identity) {
    bool done = SSL_use_certificate(ssl, identity.certificate.get()) == 1 &&
                SSL_use_PrivateKey(ssl, identity.key.get()) == 1;
    SSL_clear_chain_certs(ssl);
    for (const auto& each : identity.chain)
        done = done && SSL_add1_chain_cert(ssl, each.get()) == 1;
    return done;
}

base::Result<> Certificates::try_on(ssl_ctx_st* context) const {
    for (const auto& identity : identities_) {
        ERR_clear_error();
        const Ssl trial(SSL_new(context));
        if (trial && use(trial.get(), identity)) continue;
        return std::unexpected(openssl_error(base::Fault::internal, "using " + identity.file));
    }
    return {};
}

void Certificates::use_for(ssl_st* ssl, std::string_view server_name) const {
    const auto name = base::lower(server_name);
    std::vector<const Identity*> chosen;
    for (const auto& identity : identities_)
        if (has_name(identity, name)) chosen.push_back(&identity);
    // No certificate has the name: use the first one and those with the same names and another kind
    // of key.
    if (chosen.empty())
        for (const auto& identity : identities_)
            if (identity.names == identities_.front().names) chosen.push_back(&identity);
    SSL_certs_clear(ssl);
    // The first of each kind wins. In OpenSSL a later one replaces it, so go backwards.
    for (const auto* identity : std::views::reverse(chosen))
        (void)use(ssl, *identity);  // `try_on` tested it
    ERR_clear_error();
}

std::string Certificates::ocsp_for(ssl_st* ssl) const {
    const X509* const shown = SSL_get_certificate(ssl);
    for (const auto& identity : identities_)
        if (identity.certificate.get() == shown && identity.ocsp_until > std::time(nullptr))
            return identity.ocsp;
    return {};
}

std::vector<Certificates::Expiry> Certificates::expiries() const {
    std::vector<Expiry> result;
    constexpr std::int64_t day_seconds = 24 * 60 * 60;
    for (const auto& identity : identities_) {
        const auto* const certificate = identity.certificate.get();
        result.push_back({identity.file, false, days_left(certificate), expires_at(certificate)});
        if (identity.ocsp.empty()) continue;
        const auto left = (identity.ocsp_until - std::time(nullptr)) / day_seconds;
        const bool is_over = identity.ocsp_until < std::time(nullptr);
        result.push_back({identity.ocsp_file, true,
                          is_over ? -1 : static_cast<int>(std::min<std::int64_t>(left, 36500)),
                          identity.ocsp_until});
    }
    return result;
}

base::Result<> try_trusted(const std::string& file) {
    const TlsContext context(SSL_CTX_new(TLS_method()));
    return load_trusted(context.get(), file);
}

}  // namespace ballast::net
