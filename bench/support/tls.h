// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"

#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <string_view>

namespace ballast::bench {

struct FreeTls {
    void operator()(SSL_CTX* context) const noexcept;
    void operator()(SSL_SESSION* session) const noexcept;
    void operator()(SSL* connection) const noexcept;
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;
using TlsSession = std::unique_ptr<SSL_SESSION, FreeTls>;
using TlsConnection = std::unique_ptr<SSL, FreeTls>;

/// Throws, with OpenSSL's error of this thread.
[[noreturn]] void throw_tls_error(std::string_view doing);

/// A P-256 key and a self-signed certificate for 127.0.0.1. Other programs find both in an unnamed
/// file that ends with this process.
class Certificate {
public:
    Certificate();

    [[nodiscard]] const std::string& pem() const { return pem_; }
    [[nodiscard]] std::string path() const;

private:
    std::string pem_;
    Socket file_;
};

enum class TlsVersion : bool { v1_2, v1_3 };

/// Speaks both versions.
[[nodiscard]] TlsContext server_context(const Certificate& certificate);
/// Speaks this version only, and trusts everybody.
[[nodiscard]] TlsContext client_context(TlsVersion version);

}  // namespace ballast::bench
