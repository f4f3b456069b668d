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

/// The certificates of a listener with their keys, chosen by the name that a client asks for
/// (SNI). Never changes once loaded: a new set takes the place of the old one whole.
class Certificates {
public:
    struct Files {
        std::string certificate;  ///< PEM: the server's own first, then the chain
        std::string key;          ///< PEM; empty: in the file of the certificate
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

    /// Whether connections of this context may show them: its security level may forbid short keys
    /// and old signatures.
    [[nodiscard]] base::Result<> try_on(ssl_ctx_st* context) const;
    /// Gives a connection the certificates for that name, one for each kind of key; those of the
    /// first file if none has the name.
    void use_for(ssl_st* ssl, std::string_view server_name) const;
    /// The response to staple for what the connection shows; empty if there is none, or if it is
    /// too old to help.
    [[nodiscard]] std::string ocsp_for(ssl_st* ssl) const;

    struct Expiry {
        std::string file;
        bool is_ocsp = false;  ///< a response to staple: past its end it is left out
        int days_left = 0;     ///< negative: expired so long ago
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

/// A file of trusted certificates for verifying peers: whether it can be used.
[[nodiscard]] base::Result<> try_trusted(const std::string& file);

}  // namespace ballast::net
