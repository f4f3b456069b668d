// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <memory>
#include <string>
#include <string_view>

struct bio_st;
struct evp_pkey_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;
struct x509_st;

/// Owned OpenSSL objects. Our headers do not include OpenSSL's: those are large, and only sources
/// of this room may include them.
namespace ballast::net {

struct FreeOpenssl {
    void operator()(bio_st* bio) const noexcept;
    void operator()(evp_pkey_st* key) const noexcept;
    void operator()(ssl_ctx_st* context) const noexcept;
    void operator()(ssl_session_st* session) const noexcept;
    void operator()(ssl_st* ssl) const noexcept;
    void operator()(x509_st* certificate) const noexcept;
};
using Bio = std::unique_ptr<bio_st, FreeOpenssl>;
using PrivateKey = std::unique_ptr<evp_pkey_st, FreeOpenssl>;
using TlsContext = std::unique_ptr<ssl_ctx_st, FreeOpenssl>;
using TlsSession = std::unique_ptr<ssl_session_st, FreeOpenssl>;
using Ssl = std::unique_ptr<ssl_st, FreeOpenssl>;
using X509Certificate = std::unique_ptr<x509_st, FreeOpenssl>;

/// Reads these bytes, which must outlive it. OpenSSL never opens files itself, because a FIFO or a
/// hung file system would block it (see `base::read_file`).
[[nodiscard]] Bio memory_bio(std::string_view bytes);

/// For PEM_read_bio: refuses a key that needs a password, because nobody can type it.
int no_password(char* into, int size, int writing, void* data);

/// Takes OpenSSL's last error on this thread as text: "no start line".
[[nodiscard]] std::string take_openssl_error();
/// The same as an error with this fault: "loading a.pem: no start line".
[[nodiscard]] base::Error openssl_error(base::Fault fault, const std::string& doing);

}  // namespace ballast::net
