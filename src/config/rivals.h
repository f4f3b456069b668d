// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Names of HAProxy, keepalived, nginx, vsftpd, ProFTPD and Pure-FTPd, for operators who come from
/// there. Ignores the case of letters, and treats '-' and '_' as the same.
namespace ballast::config {

/// What to do about a key that `section`, "pool.NAME.backend", does not know: "here it is
/// max_sessions". Empty if no rival has this key.
[[nodiscard]] std::optional<std::string> advice_for_key(std::string_view section,
                                                        std::string_view key);

/// Our word for theirs, as the value of `key`; empty if there is none.
[[nodiscard]] std::optional<std::string_view> our_word(std::string_view key, std::string_view word);

}  // namespace ballast::config
