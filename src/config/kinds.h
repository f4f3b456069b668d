// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/port_range.h"
#include "base/subnet.h"
#include "config/config.h"
#include "config/form.h"
#include "config/record.h"
#include "config/words.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The kinds of settings. Each knows the member that it sets and its bounds, and describes itself:
/// `type()` and `range()` in words, `shown()` with the value in the file's form. The loader reads
/// kinds from TOML.
namespace ballast::config {

struct Flag {
    Member<bool> member;

    [[nodiscard]] std::string type() const { return "boolean"; }
    [[nodiscard]] std::string range() const { return "true or false"; }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

struct Number {
    Member<std::uint32_t> member;
    std::uint32_t min;
    std::uint32_t max;

    [[nodiscard]] std::string type() const { return "integer"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

struct Time {
    Member<Duration> member;
    Duration min;
    Duration max;

    [[nodiscard]] std::string type() const { return "duration"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// A number that may be missing. Then it is a part of a number known only at start.
struct OptionalNumber {
    Member<std::optional<std::uint32_t>> member;
    std::uint32_t min;
    std::uint32_t max;
    std::string_view otherwise;  ///< that part, in words

    [[nodiscard]] std::string type() const { return "integer"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// A time that may be missing. Then another setting's applies.
struct OptionalTime {
    Member<std::optional<Duration>> member;
    Duration min;
    Duration max;
    std::string_view otherwise;  ///< the key of that setting

    [[nodiscard]] std::string type() const { return "duration"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

struct Size {
    Member<std::size_t> member;
    std::size_t min;
    std::size_t max;

    [[nodiscard]] std::string type() const { return "size"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// Events per second.
struct Rate {
    Member<double> member;
    double min;
    double max;
    bool may_be_off = false;  ///< 0, also written "off"

    [[nodiscard]] std::string type() const { return "rate"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// One line of text, without control characters: it appears in log lines, paths and FTP replies.
struct Text {
    Member<std::string> member;
    std::size_t bytes_min;
    std::size_t bytes_max;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// One such text, or a list of them.
struct Texts {
    Member<std::vector<std::string>> member;
    std::size_t bytes_min;
    std::size_t bytes_max;

    [[nodiscard]] std::string type() const { return "string or array of strings"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

constexpr std::size_t name_bytes_max = 64;

/// Names appear in log lines, metrics and key paths, so they are plain words.
[[nodiscard]] bool is_name(std::string_view text);

struct Name {
    Member<std::string> member;
    bool may_be_empty = false;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// A text of a given form, or none.
struct Formed {
    Member<std::string> member;
    const Form* form;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const { return std::string(form->range); }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// One of a few words. `word` makes it.
struct Word {
    std::span<const std::string_view> words;
    std::string_view (*of)(ConstRecord values);  ///< the word for the member's value
    void (*take)(std::string_view word, Record into);

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const;
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// `word<&Log::level, log_levels>`
template <auto Pointer, const auto& Spellings,
          typename S = MemberPointer<decltype(Pointer)>::Struct>
inline constexpr Word word = {
    words_of<Spellings>,
    [](ConstRecord values) { return word_of(Spellings, values[at<Pointer, S>]); },
    [](std::string_view said, Record into) {
        for (const auto& spelling : Spellings)
            if (spelling.word == said) into[at<Pointer, S>] = spelling.value;
    }};

struct Addresses {
    Member<std::vector<base::Address>> member;

    [[nodiscard]] std::string type() const { return "array of strings"; }
    [[nodiscard]] std::string range() const { return "\"192.0.2.1:21\" or \"[2001:db8::1]:21\""; }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

struct Ports {
    Member<base::PortRange> member;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const { return "\"FIRST-LAST\", ports 1 to 65535"; }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// Ports that may be missing. Then there are none.
struct OptionalPorts {
    Member<std::optional<base::PortRange>> member;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const { return "\"FIRST-LAST\", ports 1 to 65535"; }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// One network or a list of them.
struct Networks {
    Member<std::vector<base::Subnet>> member;

    [[nodiscard]] std::string type() const { return "string or array of strings"; }
    [[nodiscard]] std::string range() const { return "networks such as \"10.0.0.0/8\""; }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

struct Peer {
    Member<DataPeer> member;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const {
        return "\"exact\", \"any\" or a network such as \"10.0.0.0/8\"";
    }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

struct Sources {
    Member<Source> member;

    [[nodiscard]] std::string type() const { return "string or array of strings"; }
    [[nodiscard]] std::string range() const {
        return "\"system\", \"client\", or addresses of this machine";
    }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

struct Announced {
    Member<std::vector<AnnounceRule>> member;

    [[nodiscard]] std::string type() const { return "string or table"; }
    [[nodiscard]] std::string range() const {
        return "\"local\", an IPv4 address, a host name, or { NETWORK = ..., default = ... } of "
               "these";
    }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

/// Names by patterns of names.
struct UserNames {
    Member<std::vector<UserRule>> member;

    [[nodiscard]] std::string type() const { return "string or table"; }
    [[nodiscard]] std::string range() const {
        return "a name, in which {user} stands for the client's, or { PATTERN = ... } of these";
    }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

struct SourcePort {
    Member<ActiveSource> member;

    [[nodiscard]] std::string type() const { return "string or integer"; }
    [[nodiscard]] std::string range() const {
        return "\"ephemeral\", \"below-control\" or 1 to 65535";
    }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

struct HostPort {
    Member<std::string> host;
    Member<std::uint16_t> port;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const {
        return "\"HOST:PORT\" or \"HOST\"; HOST is a name, an IPv4 address or \"[IPv6]\"";
    }
    [[nodiscard]] std::string shown(ConstRecord values) const;
};

using Kind = std::variant<Flag, Number, OptionalNumber, Time, OptionalTime, Size, Rate, Text, Texts,
                          Name, Formed, Word, Addresses, Ports, OptionalPorts, Networks, Peer,
                          Sources, Announced, UserNames, SourcePort, HostPort>;

[[nodiscard]] std::string type_of(const Kind& kind);
[[nodiscard]] std::string range_of(const Kind& kind);
[[nodiscard]] std::string shown(const Kind& kind, ConstRecord values);

/// A missing value means another setting's value, or none: the file cannot express this.
[[nodiscard]] bool is_said(const Kind& kind, ConstRecord values);
[[nodiscard]] bool may_be_unsaid(const Kind& kind);

}  // namespace ballast::config
