// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/limits.h"
#include "config/settings.h"
#include "config/words.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace ballast::config {

/// Rows that both ends of TLS have, after their own rows.
template <typename S, std::size_t N>
constexpr auto with_tls_parameters(const std::array<Setting, N>& own) {
    const auto parameters = std::to_array<Setting>({
        {"min_version", word<&S::min_version, tls_versions, S>,
         "The oldest TLS version allowed. `1.0` and `1.1` are broken: they need OpenSSL's lowest "
         "security level, which your own list in `ciphers` must request with `@SECLEVEL=0`."},
        {"max_version", word<&S::max_version, tls_versions, S>, "The newest TLS version allowed."},
        {"ciphers", Text{at<&S::ciphers, S>, 0, 4096},
         "Ciphers up to TLS 1.2 in OpenSSL's notation, see `openssl ciphers`. Empty is those with "
         "forward secrecy."},
        {"ciphersuites", Text{at<&S::ciphersuites, S>, 0, 4096},
         "Cipher suites of TLS 1.3, separated by `:`. Empty is OpenSSL's choice."},
        {"handshake_timeout", Time{at<&S::handshake_timeout, S>, Duration(1), time_max},
         "For a handshake to finish, on control and data connections."},
    });
    std::array<Setting, N + parameters.size()> all;
    std::ranges::copy(parameters, std::ranges::copy(own, all.begin()).out);
    return all;
}

}  // namespace ballast::config
