// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/haproxy_file.h"
#include "migrate/report.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The parameters of `bind` and `server` lines.
namespace ballast::migrate::haproxy {

/// What is known of a parameter.
struct Parameter {
    std::string_view name;
    std::size_t values;  ///< how many words follow it
    Outcome outcome = Outcome::mapped;
    std::string_view text = {};  ///< for the report; empty: the importer has code for it
};
[[nodiscard]] std::span<const Parameter> bind_parameters();
[[nodiscard]] std::span<const Parameter> server_parameters();

/// A parameter with its values, as a line has it.
struct Given {
    std::string name;
    std::vector<std::string> values;
    std::uint32_t line = 0;
    const Parameter* known = nullptr;  ///< null: HAProxy does not know it either

    [[nodiscard]] const std::string& value() const;  ///< the first one; empty: none
    [[nodiscard]] std::string text() const;          ///< "inter 20s"
};

/// The parameters of a line and of those that it inherits from. A later one of a name replaces an
/// earlier one, and `no-NAME` removes it.
class Parameters {
public:
    void add(Given given);
    [[nodiscard]] const Given* find(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    /// The values of each parameter of this name: `crt` may stand several times.
    [[nodiscard]] std::vector<std::string> values_of(std::string_view name) const;
    [[nodiscard]] const std::vector<Given>& all() const { return all_; }

private:
    std::vector<Given> all_;
};

/// Reads the words of a line from `first` on.
[[nodiscard]] std::vector<Given> read_parameters(const Line& line, std::size_t first,
                                                 std::span<const Parameter> known);

}  // namespace ballast::migrate::haproxy
