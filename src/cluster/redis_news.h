// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/redis_reply.h"
#include "cluster/store.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How entries and messages are written in a Redis-compatible store. What another version of
/// Ballast has written is left out where it is unknown, so that two versions can run side by side.
namespace ballast::cluster {

/// An entry as the store keeps it under its key: "1764512345678 node1\n60000\nVALUE", which is its
/// stamp, its lifetime in milliseconds, and its value.
[[nodiscard]] std::string kept(const Entry& entry);
/// Empty if it is not of this form.
[[nodiscard]] std::optional<Entry> parse_kept(std::string_view table, std::string_view key,
                                              std::string_view text);

/// The fields of an entry or a message in the store's log, by turns a name and a value.
[[nodiscard]] std::vector<std::string> logged(const News& news);
/// From a list of such fields. Empty if it is neither.
[[nodiscard]] std::optional<News> parse_logged(const std::vector<RedisReply>& fields);

/// How much of the store it takes, about.
[[nodiscard]] std::size_t bytes_of(const News& news);

}  // namespace ballast::cluster
