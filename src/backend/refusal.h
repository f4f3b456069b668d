// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "ftp/reply.h"

#include <string_view>

namespace ballast::backend {

/// A backend's refusal as an error: "10.0.0.11:21 greeted with 530 Go away.". RFC 959 5.4: a
/// backend that sends 421 is healthy but full. The caller decides about other codes.
[[nodiscard]] base::Error refusal(std::string_view doing, const ftp::Reply& reply,
                                  base::Fault otherwise = base::Fault::backend_refused);

}  // namespace ballast::backend
