// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace ballast::session {

/// What a session's story tells. Each has a row in fact.cpp, in the same order.
enum class Fact : std::uint8_t {
    accepted,
    tls_began,
    tls_failed,
    tls_left,
    routed,
    chosen,
    candidate,
    not_candidate,
    more_candidates,
    queued,
    left_queue,
    fallback,
    no_backend,
    connected,
    attempt_failed,
    logged_in,
    login_refused,
    command,
    bad_line,
    transfer,
    said_meanwhile,
    limit,
    banned,
    seat_recalled,
    backend_lost,
    moved,
    not_moved,
    resumed,
    passed_through,
    sealed_data,
    left_out,
    now,
    ended,
};
inline constexpr std::size_t fact_count = static_cast<std::size_t>(Fact::ended) + 1;

/// A bit for each.
using FactSet = std::uint64_t;
static_assert(fact_count <= 64);
inline constexpr FactSet all_of_them = static_cast<FactSet>(-1);
[[nodiscard]] constexpr FactSet set_of(std::initializer_list<Fact> facts) {
    FactSet set = 0;
    for (const auto fact : facts) set |= FactSet{1} << static_cast<unsigned>(fact);
    return set;
}

/// A value that belongs to a fact.
struct FactField {
    enum class Type : std::uint8_t {
        text,  ///< empty: there is none
        number,
        number_or_none,  ///< 0: there is none
        time,            ///< microseconds
        time_or_none,    ///< 0: it did not happen
        flag,
        weight,  ///< of a backend, times 256
    };
    std::string_view name;
    Type type = Type::text;
};

/// A fact as operators see it.
struct FactRow {
    static constexpr std::size_t fields_max = 20;
    Fact fact;
    std::string_view name;  ///< "tls_began"
    /// A sentence with `{field}`s. A part in brackets is left out if one of its fields has no
    /// value. A flag is an empty text.
    std::string_view sentence;
    std::array<FactField, fields_max> all_fields;  ///< those without a name stand at the end

    [[nodiscard]] std::span<const FactField> fields() const {
        std::size_t count = 0;
        while (count < fields_max && !all_fields.at(count).name.empty()) ++count;
        return std::span(all_fields).first(count);
    }
    /// The place of a field among `fields`.
    [[nodiscard]] constexpr std::size_t index_of(std::string_view field) const {
        std::size_t index = 0;
        while (all_fields.at(index).name != field) ++index;
        return index;
    }
};
[[nodiscard]] std::span<const FactRow> all_facts();
[[nodiscard]] const FactRow& row_of(Fact fact);

}  // namespace ballast::session
