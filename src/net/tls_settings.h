// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/tls_version.h"
#include "net/openssl.h"

#include <string>

namespace ballast::net {

/// TLS settings for both roles.
struct TlsSettings {
    base::TlsVersion min_version = base::TlsVersion::tls_1_2;
    base::TlsVersion max_version = base::TlsVersion::tls_1_3;
    std::string ciphers;       ///< up to TLS 1.2; empty: those with forward secrecy
    std::string ciphersuites;  ///< TLS 1.3; empty: OpenSSL's
    std::string ca;            ///< PEM file that peers are verified with; empty: see the role
};

enum class TlsRole : bool { server, client };
/// A context with these settings, without certificates and verification.
[[nodiscard]] base::Result<TlsContext> make_context(TlsRole role, const TlsSettings& settings);

/// Makes the context trust the certificates of a PEM file and check its revocation lists.
[[nodiscard]] base::Result<> load_trusted(ssl_ctx_st* context, const std::string& file);

[[nodiscard]] int openssl_version(base::TlsVersion version);

}  // namespace ballast::net
