// SPDX-License-Identifier: Apache-2.0
#include "net/openssl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace ballast::net {

void FreeOpenssl::operator()(bio_st* bio) const noexcept { BIO_free_all(bio); }
void FreeOpenssl::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }
void FreeOpenssl::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }
void FreeOpenssl::operator()(ssl_session_st* session) const noexcept { SSL_SESSION_free(session); }
void FreeOpenssl::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }
void FreeOpenssl::operator()(x509_st* certificate) const noexcept { X509_free(certificate); }

int no_password(char* /*into*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

Bio memory_bio(std::string_view bytes) {
    ERR_clear_error();
    return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string take_openssl_error() {
    std::string text;
    // The first entry is the cause, later ones only pass it on. If a file cannot be opened, only
    // the system's error says why.
    while (const auto error = ERR_get_error()) {
        const char* const reason =
            ERR_SYSTEM_ERROR(error) ? nullptr : ERR_reason_error_string(error);
        if (text.empty())
            text = reason != nullptr
                       ? std::string(reason)
                       : std::error_code(ERR_GET_REASON(error), std::system_category()).message();
    }
    return text.empty() ? "no reason given" : text;
}

base::Error openssl_error(base::Fault fault, const std::string& doing) {
    return {fault, {}, doing + ": " + take_openssl_error()};
}

}  // namespace ballast::net
