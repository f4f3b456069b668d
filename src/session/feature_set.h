// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/knowledge.h"
#include "ftp/features.h"

#include <memory>
#include <span>

namespace ballast::session {

/// What a listener offers of RFC 4217.
struct TlsOffer {
    bool auth = false;  ///< AUTH TLS may be said
    bool prot = false;  ///< PBSZ and PROT, also under implicit TLS
    bool ccc = false;
};

/// What Ballast answers to FEAT: what all surveyed backends that know FEAT offer, less what Ballast
/// cannot carry (the backend's own TLS and security verbs), plus what it adds (EPRT and EPSV, which
/// it translates, and its own TLS). Without any survey only what it adds.
[[nodiscard]] ftp::Features feature_set(
    std::span<const std::shared_ptr<const backend::Survey>> surveys, TlsOffer tls = {});

}  // namespace ballast::session
