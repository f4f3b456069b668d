// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "events/kind.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ballast::events {

/// One thing that happened. Never changes, so threads share it.
struct Event {
    using Value = std::variant<std::string, std::int64_t, std::uint64_t, double>;
    struct Field {
        std::string_view name;  ///< of the kind's row
        Value value;
    };

    std::uint64_t number = 0;  ///< grows with each event of this process, from 1 on
    std::chrono::system_clock::time_point at;
    Kind kind = Kind::backend_up;
    std::vector<Field> fields;

    /// The text of this field; empty: it has none of this name.
    [[nodiscard]] std::string_view text(std::string_view name) const;
};

/// Which events somebody wants. An empty member does not restrict anything. An event that has no
/// field of this name is not wanted if the name's member is set.
struct Filter {
    std::vector<Kind> kinds;
    std::string pool;
    std::string backend;
    std::string listener;
    std::string user;
    std::string client;  ///< an address without port

    [[nodiscard]] bool wants(Kind kind) const;
    [[nodiscard]] bool wants(const Event& event) const;
};

}  // namespace ballast::events
