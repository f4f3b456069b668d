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
    bool auth = false;  ///< AUTH TLS is possible or was used
    bool prot = false;  ///< PBSZ and PROT, also under implicit TLS
    bool ccc = false;
    bool host = false;   ///< RFC 7151; routes ask for it
    bool active = true;  ///< PORT and EPRT; not with passthrough of data connections
    bool relays = true;  ///< data, so it translates EPRT and EPSV; not with `data = "direct"`
};

/// Ballast's answer to FEAT: what all surveyed backends that know FEAT offer. Without what Ballast
/// cannot carry (the backend's own TLS and security verbs). With what it adds (EPRT and EPSV, which
/// it translates, and its own TLS). Without a survey, only what it adds.
[[nodiscard]] ftp::Features feature_set(
    std::span<const std::shared_ptr<const backend::Survey>> surveys, Offer offer = {});

}  // namespace ballast::session
