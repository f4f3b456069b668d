// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/openssl.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::net {

/// The certificates and keys of a listener, chosen by the name that a client asks for (SNI).
/// Immutable once loaded: a new set replaces the old one as a whole.
class Certificates {
public:
    struct Files {
        std::string certificate;  ///< PEM: the server's own first, then the chain
        std::string key;          ///< PEM; empty: in the certificate's file
        std::string ocsp;         ///< DER response to staple; empty: none
    };
    /// Which file cannot be used, and why.
    struct Problem {
        std::size_t index = 0;
        enum class File : std::uint8_t { certificate, key, ocsp } file = File::certificate;
        std::string what;
        std::string fix;
    };
    [[nodiscard]] static std::expected<std::shared_ptr<const Certificates>, Problem> load(
        std::span<const Files> files);

    /// Whether connections of this context may use them: its security level may forbid short keys
    /// and old signatures.
    [[nodiscard]] base::Result<> try_on(ssl_ctx_st* context) const;
    /// Gives a connection the certificates for this name, one for each kind of key. If none has the
    /// name, those of the first file.
    void use_for(ssl_st* ssl, std::string_view server_name) const;
    /// The OCSP response for the connection's certificate. Empty if there is none or it has
    /// expired.
    [[nodiscard]] std::string ocsp_for(ssl_st* ssl) const;

    struct Expiry {
        std::string file;
        bool is_ocsp = false;  ///< an OCSP response; an expired one is not stapled
        int days_left = 0;     ///< negative: days since it expired
        std::int64_t at = 0;   ///< seconds since 1970
    };
    [[nodiscard]] std::vector<Expiry> expiries() const;

private:
    struct Identity {
        std::string file;
        X509Certificate certificate;
        std::vector<X509Certificate> chain;
        PrivateKey key;
        std::vector<std::string> names;  // lower case; "*.example.com" too
        std::string ocsp_file;
        std::string ocsp;
        std::int64_t ocsp_until = 0;  // seconds since 1970
    };
    [[nodiscard]] static std::expected<Identity, Problem> load_one(const Files& files,
                                                                   std::size_t index);
    static bool use(ssl_st* ssl, const Identity& identity);
    [[nodiscard]] static bool has_name(const Identity& identity, std::string_view lower_name);

    std::vector<Identity> identities_;
};

/// When a certificate expires, in seconds since 1970; 0: it does not say.
[[nodiscard]] std::int64_t expires_at(const x509_st* certificate);

/// Whether a file of trusted certificates can be used to verify peers.
[[nodiscard]] base::Result<> try_trusted(const std::string& file);

}  // namespace ballast::net
