// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// What the client is told when Ballast ends its session or its transfer.
namespace ballast::session {

/// The administrator has taken the backend out.
inline constexpr std::string_view out_of_service_text =
    "Service not available: the server is taken out of service.";
/// The connection to the backend is lost.
inline constexpr std::string_view lost_text = "The connection to the server was lost.";
/// An operator has ended the session.
inline constexpr std::string_view cut_text = "The administrator ended the session.";

}  // namespace ballast::session
