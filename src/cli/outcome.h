// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace ballast::cli {

/// The exit statuses of the program (docs/exit-codes.md). With `misused` and `unreachable` nothing
/// was done.
enum class Status : std::uint8_t {
    good = 0,
    failed = 1,
    misused = 2,
    unreachable = 2,
    incomplete = 2,  ///< an import left something for the operator to decide
    cut = 3,
};

/// What has failed, for standard error, and how the program ends.
struct Failure {
    std::string what;
    Status status = Status::failed;
};
template <typename T>
using Outcome = std::expected<T, Failure>;

}  // namespace ballast::cli
