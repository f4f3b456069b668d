// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/place.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate {

/// What became of a directive.
enum class Outcome : std::uint8_t {
    mapped,              ///< Ballast does the same
    approximated,        ///< Ballast does something like it; the text says what differs
    not_needed,          ///< it served a purpose that Ballast serves anyway, or not at all
    left_to_keepalived,  ///< keepalived still does this
    left_to_haproxy,     ///< it is not FTP, and HAProxy goes on to serve it
    unsupported,         ///< the operator has to decide
};
inline constexpr std::size_t outcome_count = 6;
[[nodiscard]] std::string_view to_string(Outcome outcome);

/// A directive of the imported file.
struct Entry {
    Place place;
    std::string directive;  ///< as the file has it
    Outcome outcome = Outcome::mapped;
    std::string text;  ///< where it went, or why it did not

    friend auto operator<=>(const Entry&, const Entry&) = default;
};

/// What became of every directive of an imported file.
class Report {
public:
    /// The directive and the text may contain anything that the file contains. Secrets of the
    /// directive are left out. A line that a file
    /// repeats, as with a template, is reported once if the same became of it.
    void add(Place place, std::string_view directive, Outcome outcome, std::string_view text);

    /// By file and line. Entries of one line keep their order.
    [[nodiscard]] std::vector<Entry> sorted() const;
    [[nodiscard]] std::size_t count(Outcome outcome) const;

private:
    std::multimap<Place, Entry> entries_;  ///< equal places keep their order
    std::set<Entry> known_;
};

/// A line for each entry, which editors can jump to, and a summary of the outcomes that occur.
[[nodiscard]] std::string text_of(const Report& report);
/// One JSON object: `entries`, and `summary` with the number of each outcome.
[[nodiscard]] std::string json_of(const Report& report);

/// A form in which a report is printed.
struct ReportForm {
    std::string_view name;
    std::string (*print)(const Report& report);
    /// Instead of a report, for a file that cannot be imported.
    std::string (*print_errors)(const std::vector<SyntaxError>& errors);
};
[[nodiscard]] std::span<const ReportForm> report_forms();

}  // namespace ballast::migrate
