// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "migrate/proftpd_class.h"
#include "migrate/proftpd_file.h"

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate::proftpd {

/// The main server, or a <VirtualHost>, with what <Global> gives it.
struct Server {
    Place place;
    std::string name;                    ///< for the report
    std::vector<std::string> addresses;  ///< where it listens, as written; empty: everywhere
    std::vector<const Directive*> directives;

    /// The last directive of this name decides. Null: none.
    [[nodiscard]] const Directive* last(std::string_view directive) const;
    [[nodiscard]] std::vector<const Directive*> all(std::string_view directive) const;
    /// A word behind this directive, in any of its lines, such as an option.
    [[nodiscard]] const Directive* with_word(std::string_view directive,
                                             std::string_view word) const;
    [[nodiscard]] bool is_on(std::string_view directive) const;
    /// Whether mod_proxy sends its clients to other servers.
    [[nodiscard]] bool is_reverse_proxy() const;
};

struct Servers {
    std::vector<Server> all;  ///< the main server comes first
    Classes classes;
};

constexpr std::size_t directives_max = 100'000;  ///< of all servers, each with those of <Global>

/// `file` must outlive the result.
[[nodiscard]] std::expected<Servers, SyntaxError> servers_of(const File& file);

[[nodiscard]] bool is_on(std::string_view word);
/// "30", "30sec", "5min", "1hr" or "01:30:00". A bare number counts seconds, and 0 is the longest
/// time. Empty: it is no time.
[[nodiscard]] std::optional<config::Duration> parse_time(std::string_view text);

}  // namespace ballast::migrate::proftpd
