// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ballast::events {

/// What happened. Each has a row in kind.cpp, in the same order.
enum class Kind : std::uint8_t {
    // Rare: the latest of them are kept for those who ask later.
    backend_up,
    backend_down,
    backend_ejected,
    backend_state,
    backend_drained,
    balancer_state,
    queue_full,
    limit_reached,
    ban_begun,
    listener_opened,
    listener_closed,
    certificate_replaced,
    certificate_expires,
    reload_applied,
    reload_refused,
    upgrade_done,
    upgrade_failed,
    store_lost,
    store_found,
    node_joined,
    node_left,
    // Frequent: only those who listen get them.
    session_began,
    session_logged_in,
    login_refused,
    session_moved,
    session_ended,
    transfer_began,
    transfer_ended,
};
inline constexpr std::size_t kind_count = static_cast<std::size_t>(Kind::transfer_ended) + 1;

/// A kind of event as operators see it.
struct KindRow {
    static constexpr std::size_t fields_max = 12;
    Kind kind;
    std::string_view name;                                 ///< "backend_down"
    std::string_view help;                                 ///< one sentence
    std::array<std::string_view, fields_max> field_names;  ///< empty ones stand at the end

    [[nodiscard]] std::span<const std::string_view> fields() const {
        std::size_t count = 0;
        while (count < fields_max && !field_names.at(count).empty()) ++count;
        return std::span(field_names).first(count);
    }
};
[[nodiscard]] std::span<const KindRow> all_kinds();
[[nodiscard]] const KindRow& row_of(Kind kind);
/// Empty: there is no kind with this name.
[[nodiscard]] std::optional<Kind> kind_from(std::string_view name);
/// Whether the latest ones are kept.
[[nodiscard]] constexpr bool is_kept(Kind kind) { return kind < Kind::session_began; }

}  // namespace ballast::events
