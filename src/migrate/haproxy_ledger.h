// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/haproxy_file.h"
#include "migrate/haproxy_parameters.h"
#include "migrate/report.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::migrate::haproxy {

/// What became of each directive. A line may apply to several proxies, and is reported once: with
/// the outcome that asks most of the operator.
class Ledger {
public:
    explicit Ledger(std::string file) : file_(std::move(file)) {}

    void add(std::uint32_t line, const std::string& directive, Outcome outcome,
             std::string_view text);
    void add(const Line& line, Outcome outcome, std::string_view text);
    /// A parameter. Without an outcome, with what the table says of it.
    void add(const Given& given, Outcome outcome, std::string_view text);
    void add(const Given& given);

    [[nodiscard]] bool has(std::uint32_t line) const { return lines_.contains(line); }
    /// "haproxy.cfg:12", for the comments of the configuration.
    [[nodiscard]] std::string place(std::uint32_t line) const;
    [[nodiscard]] Report report() const;

private:
    struct Entry {
        std::string directive;
        Outcome outcome;
        std::string text;
    };
    std::string file_;
    std::map<std::uint32_t, std::vector<Entry>> lines_;
};

/// A line as a person wrote it: its words, separated by blanks.
[[nodiscard]] std::string text_of(const Line& line);

}  // namespace ballast::migrate::haproxy
