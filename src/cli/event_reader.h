// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ballast::cli {

/// Finds the events in a stream of server-sent events (HTML standard, 9.2.6), of which it needs the
/// data alone. No I/O.
class EventReader {
public:
    void add(std::string_view bytes) { received_ += bytes; }
    /// The data of the next event; empty: more bytes are needed.
    [[nodiscard]] std::optional<std::string> next();

private:
    std::string received_;
    std::string data_;  // of the event whose lines have begun
};

}  // namespace ballast::cli
