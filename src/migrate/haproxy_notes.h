// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/haproxy_file.h"
#include "migrate/haproxy_parameters.h"
#include "migrate/ledger.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::migrate::haproxy {

/// What became of the lines of one file, and of the parameters in them.
class Notes {
public:
    explicit Notes(std::string file) : file_(std::move(file)) {}

    void add(std::uint32_t line, const std::string& directive, Outcome outcome,
             std::string_view text);
    void add(const Line& line, Outcome outcome, std::string_view text);
    void add(const Given& given, Outcome outcome, std::string_view text);
    /// With what the table says of the parameter, if it says anything.
    void add(const Given& given);

    [[nodiscard]] bool has(std::uint32_t line) const { return ledger_.has({file_, line}); }
    [[nodiscard]] bool has_unsupported(std::uint32_t line) const {
        return ledger_.has_unsupported({file_, line});
    }
    /// "haproxy.cfg:12", for the comments of the configuration.
    [[nodiscard]] std::string place(std::uint32_t line) const {
        return to_string(Place{file_, line});
    }
    [[nodiscard]] Report report() const { return ledger_.report(); }

private:
    std::string file_;
    Ledger ledger_;
};

/// A line as a person wrote it: its words, separated by blanks.
[[nodiscard]] std::string text_of(const Line& line);

}  // namespace ballast::migrate::haproxy
