// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/stream.h"
#include "relay/comparison.h"

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace ballast::relay {

/// Reads from another source what was taken from the former ones, and compares it with their trail.
/// Delivers nothing. Never waits, but says what to wait for. Borrows the stream.
class SourceCheck {
public:
    SourceCheck(net::Stream& source, Comparison comparison)
        : source_(source), comparison_(std::move(comparison)) {}

    enum class State : std::uint8_t {
        wants_turn,  ///< more can be read at once; others should have their turn first
        wants_read,  ///< the source has no bytes yet
        passed,      ///< the next byte of the source is the first that the sink needs from it
        differs,     ///< see `difference()`
        failed,      ///< `error()`
    };
    State run();

    [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }
    [[nodiscard]] const std::string& difference() const { return comparison_.difference(); }
    [[nodiscard]] const std::error_code& error() const { return error_; }

private:
    net::Stream& source_;
    Comparison comparison_;
    std::uint64_t bytes_read_ = 0;
    std::error_code error_;
};

}  // namespace ballast::relay
