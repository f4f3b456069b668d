// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace ballast::ftp {

/// What a server says it can do beyond RFC 959 (RFC 2389 FEAT): a label and its parameters, labels
/// in upper case. Ordered, so that two equal sets print alike.
class Features {
public:
    /// The inner lines of a 211 reply; the text of any other reply holds none. A label that has
    /// several lines (ProFTPD's SITE, FileZilla Server's AUTH) keeps each, separated by LF.
    [[nodiscard]] static Features parse(std::string_view reply_text);

    /// Replaces what was known about the label.
    void add(std::string_view label, std::string_view parameters = {});
    void remove(std::string_view label);
    /// Puts a '*' behind these items of the label and takes it from its others: RFC 3659 7.8 of
    /// MLST facts, RFC 2640 4.3 of LANG tags. Nothing changes if the label is missing, or if `one`
    /// item is to be marked and `chosen` names none that the label has.
    enum class Mark : std::uint8_t { listed, one };
    void mark(std::string_view label, std::string_view chosen, Mark how);
    [[nodiscard]] bool has(std::string_view label) const;
    /// Empty view if the label is missing or has no parameters.
    [[nodiscard]] std::string_view parameters(std::string_view label) const;
    /// REST STREAM (RFC 3659 5.3), in any case and with further words behind it.
    [[nodiscard]] bool has_rest_stream() const;

    /// What both sets have. MLST facts (RFC 3659 7.8), LANG tags and REST modes are intersected one
    /// by one, in the order of `this`; a label whose parameters otherwise differ keeps only the
    /// parameters both have. A fact counts as marked default (`*`) only if both mark it.
    [[nodiscard]] Features intersect(const Features& other) const;
    /// The inner lines in the form of RFC 2389 3.2: " LABEL parameters\r\n".
    [[nodiscard]] std::string to_lines() const;

    [[nodiscard]] bool empty() const { return features_.empty(); }
    friend bool operator==(const Features&, const Features&) = default;

private:
    std::map<std::string, std::string, std::less<>> features_;
};

}  // namespace ballast::ftp
