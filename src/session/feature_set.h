// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/knowledge.h"
#include "ftp/features.h"

#include <memory>
#include <span>

namespace ballast::session {

/// What Ballast answers to FEAT: what all surveyed backends that know FEAT offer, less what Ballast
/// cannot carry (the backend's own TLS and security verbs), plus what it adds (EPRT and EPSV, which
/// it translates). Without any survey only what it adds.
[[nodiscard]] ftp::Features feature_set(
    std::span<const std::shared_ptr<const backend::Survey>> surveys);

}  // namespace ballast::session
