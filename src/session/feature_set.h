// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/knowledge.h"
#include "ftp/features.h"

#include <memory>
#include <span>
#include <vector>

namespace ballast::session {

using Surveys = std::vector<std::shared_ptr<const backend::Survey>>;

/// What a listener offers by itself.
struct Offer {
    bool auth = false;  ///< AUTH TLS may be said, or was
    bool prot = false;  ///< PBSZ and PROT, also under implicit TLS
    bool ccc = false;
    bool host = false;   ///< RFC 7151, because routes ask for it
    bool active = true;  ///< PORT and EPRT; not where data connections are passed through
};

/// What Ballast answers to FEAT: what all surveyed backends that know FEAT offer, less what Ballast
/// cannot carry (the backend's own TLS and security verbs), plus what it adds (EPRT and EPSV, which
/// it translates, and its own TLS). Without any survey only what it adds.
[[nodiscard]] ftp::Features feature_set(
    std::span<const std::shared_ptr<const backend::Survey>> surveys, Offer offer = {});

}  // namespace ballast::session
