// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "ftp/reply.h"

#include <string_view>

namespace ballast::backend {

/// A backend's refusal as an error: "10.0.0.11:21 greeted with 530 Go away.". RFC 959 5.4: one that
/// says 421 is well and full; what others are is for the caller to say.
[[nodiscard]] base::Error refusal(std::string_view doing, const ftp::Reply& reply,
                                  base::Fault otherwise = base::Fault::backend_refused);

}  // namespace ballast::backend
