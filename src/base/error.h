// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <system_error>

namespace ballast::base {

/// Whose fault a failure was, and what it says of a backend's health. Retry and failover are
/// decided from this, never from the text or from whether there is a code.
enum class Fault : std::uint8_t {
    client,
    backend,          ///< it is unwell: it did not answer, or not as a server should
    backend_full,     ///< it is well and takes no more for now: 421
    backend_refused,  ///< it is well and says no, or the client's own line made it close
    internal,         ///< ours: it says nothing of a peer
};

/// A failure of a peer, the network or a file. Broken invariants are asserted, not reported.
struct Error {
    Fault fault = Fault::internal;
    std::error_code code;
    std::string doing;  ///< what was being done: "connecting to 10.0.0.11:2121"
};

template <typename T = void>
using Result = std::expected<T, Error>;

/// "connecting to 10.0.0.11:2121: Connection refused"
[[nodiscard]] std::string to_string(const Error& error);

/// The current `errno` as an error of the given fault; a shortage of our own is `internal`.
[[nodiscard]] Error last_error(Fault fault, std::string doing);

}  // namespace ballast::base
