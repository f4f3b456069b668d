// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

namespace ballast::base {

/// Whose fault a failure was, and what it means for the backend's health. Retry and failover depend
/// on this alone, not on the text or the code.
enum class Fault : std::uint8_t {
    client,
    backend,          ///< unhealthy: no answer, or not the answer of a working server
    backend_full,     ///< healthy, but full for now: 421
    backend_refused,  ///< healthy; it refused, or closed because of the client's command
    internal,         ///< ours; it says nothing about a peer
};

/// A failure of a peer, the network or a file. Broken invariants are asserted, not reported.
struct Error {
    Fault fault = Fault::internal;
    std::error_code code;
    std::string doing;  ///< what was being done: "connecting to 10.0.0.11:2121"
};

/// Whose fault a failure was for an operator: where to look first.
enum class Blame : std::uint8_t {
    client,
    backend,
    network,        ///< between Ballast and either of them
    ballast,        ///< a shortage, or a mistake of ours
    configuration,  ///< a setting, a limit, or an operator's command
};
[[nodiscard]] std::string_view to_string(Blame blame);
[[nodiscard]] Blame blame_of(const Error& error);

template <typename T = void>
using Result = std::expected<T, Error>;

/// "connecting to 10.0.0.11:2121: Connection refused"
[[nodiscard]] std::string to_string(const Error& error);

/// The current `errno` as an error with this fault, or `internal` if it is a shortage of our own.
[[nodiscard]] Error last_error(Fault fault, std::string doing);

}  // namespace ballast::base
