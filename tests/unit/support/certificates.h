// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/openssl.h"
#include "support/temporary_directory.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::support {

/// The content of a certificate.
struct CertificateWish {
    std::string common_name;
    std::string names;  ///< "DNS:ftp.example.com,IP:127.0.0.1"; empty: none
    enum class Key : std::uint8_t { ecdsa, rsa } key = Key::ecdsa;
    int days_left = 365;  ///< negative: it has expired
};

struct Identity {
    net::X509Certificate certificate;
    net::PrivateKey key;
    std::string file;  ///< PEM, both of them

    [[nodiscard]] std::string certificate_pem() const;
    [[nodiscard]] std::string key_pem() const;
};

/// An authority that issues a test's certificates and writes them into its directory.
class Authority {
public:
    Authority(const TemporaryDirectory& directory, const std::string& name);

    /// PEM file of its own certificate.
    [[nodiscard]] const std::string& file() const { return own_.file; }
    [[nodiscard]] const Identity& own() const { return own_; }
    [[nodiscard]] Identity issue(const std::string& name, const CertificateWish& wish) const;
    /// DER of an OCSP response "good" that is valid for `valid` from now.
    [[nodiscard]] std::string ocsp_response(const Identity& identity,
                                            std::chrono::seconds valid) const;

private:
    const TemporaryDirectory& directory_;
    Identity own_;
};

}  // namespace ballast::support
