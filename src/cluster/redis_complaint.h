// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ballast::cluster {

/// What the operator can do about an error that a store answers with: for "OOM command not allowed
/// ..." it is "it is full: raise its maxmemory". Empty if the answer says it all.
[[nodiscard]] std::string_view cure_of_complaint(std::string_view complaint);

/// "10.0.0.5:6379 answers XADD with \"OOM command not allowed ...\" (it is full: ...)"
[[nodiscard]] std::string tell_complaint(std::string_view server, std::string_view command,
                                         std::string_view complaint);

}  // namespace ballast::cluster
