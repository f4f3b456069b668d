// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/subnet.h"
#include "base/tls_version.h"
#include "config/amount.h"
#include "config/config.h"
#include "config/destination.h"
#include "config/form.h"
#include "config/spelling.h"
#include "config/words.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The kinds of settings. Each points to the member of a section `S` that it sets, knows its
/// bounds, and describes itself: `type()` and `range()` in words, `shown()` the value as the file
/// writes it. How a kind is read from TOML is the loader's business.
namespace ballast::config {

/// As a basic string of TOML; there are no control characters in it.
[[nodiscard]] inline std::string toml_string(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

template <typename S>
struct Flag {
    bool S::* member;

    [[nodiscard]] std::string type() const { return "boolean"; }
    [[nodiscard]] std::string range() const { return "true or false"; }
    [[nodiscard]] std::string shown(const S& section) const {
        return section.*member ? "true" : "false";
    }
};

template <typename S>
struct Number {
    std::uint32_t S::* member;
    std::uint32_t min;
    std::uint32_t max;

    [[nodiscard]] std::string type() const { return "integer"; }
    [[nodiscard]] std::string range() const { return fmt::format("{} to {}", min, max); }
    [[nodiscard]] std::string shown(const S& section) const {
        return fmt::to_string(section.*member);
    }
};

template <typename S>
struct Time {
    Duration S::* member;
    Duration min;
    Duration max;

    [[nodiscard]] std::string type() const { return "duration"; }
    [[nodiscard]] std::string range() const {
        return fmt::format("\"{}\" to \"{}\"", duration_text(min), duration_text(max));
    }
    [[nodiscard]] std::string shown(const S& section) const {
        return fmt::format("\"{}\"", duration_text(section.*member));
    }
};

/// A number that may be unsaid; then it is a part of something that is known only at the start.
template <typename S>
struct OptionalNumber {
    std::optional<std::uint32_t> S::* member;
    std::uint32_t min;
    std::uint32_t max;
    std::string_view otherwise;  ///< that part, in words

    [[nodiscard]] std::string type() const { return "integer"; }
    [[nodiscard]] std::string range() const { return fmt::format("{} to {}", min, max); }
    [[nodiscard]] std::string shown(const S& section) const {
        const auto& said = section.*member;
        return said ? fmt::to_string(*said) : std::string(otherwise);
    }
};

/// A time that may be unsaid; then another setting's holds.
template <typename S>
struct OptionalTime {
    std::optional<Duration> S::* member;
    Duration min;
    Duration max;
    std::string_view otherwise;  ///< the key of that setting

    [[nodiscard]] std::string type() const { return "duration"; }
    [[nodiscard]] std::string range() const {
        return fmt::format("\"{}\" to \"{}\"", duration_text(min), duration_text(max));
    }
    [[nodiscard]] std::string shown(const S& section) const {
        const auto& said = section.*member;
        return said ? fmt::format("\"{}\"", duration_text(*said)) : std::string(otherwise);
    }
};

template <typename S>
struct Size {
    std::size_t S::* member;
    std::size_t min;
    std::size_t max;

    [[nodiscard]] std::string type() const { return "size"; }
    [[nodiscard]] std::string range() const {
        return fmt::format("\"{}\" to \"{}\"", size_text(min), size_text(max));
    }
    [[nodiscard]] std::string shown(const S& section) const {
        return fmt::format("\"{}\"", size_text(section.*member));
    }
};

/// One line of text: control characters would end up in log lines, paths and FTP replies.
template <typename S>
struct Text {
    std::string S::* member;
    std::size_t bytes_min;
    std::size_t bytes_max;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const {
        return fmt::format("{} to {} bytes, no control characters", bytes_min, bytes_max);
    }
    [[nodiscard]] std::string shown(const S& section) const { return toml_string(section.*member); }
};

/// One such text or a list of them.
template <typename S>
struct Texts {
    std::vector<std::string> S::* member;
    std::size_t bytes_min;
    std::size_t bytes_max;

    [[nodiscard]] std::string type() const { return "string or array of strings"; }
    [[nodiscard]] std::string range() const {
        return fmt::format("{} to {} bytes each, no control characters", bytes_min, bytes_max);
    }
    [[nodiscard]] std::string shown(const S& section) const {
        const auto& texts = section.*member;
        if (texts.size() == 1) return toml_string(texts.front());
        std::string result;
        for (const auto& text : texts)
            result += fmt::format("{}{}", result.empty() ? "" : ", ", toml_string(text));
        return '[' + result + ']';
    }
};

constexpr std::size_t name_bytes_max = 64;

/// Names stand in log lines, metrics and key paths, so they are plain words.
[[nodiscard]] inline bool is_name(std::string_view text) {
    const auto good = [](char c) {
        return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
               c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= name_bytes_max && std::ranges::all_of(text, good);
}

template <typename S>
struct Name {
    std::string S::* member;
    bool may_be_empty = false;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const {
        return fmt::format("{} to {} letters, digits, '-' and '_'", may_be_empty ? 0 : 1,
                           name_bytes_max);
    }
    [[nodiscard]] std::string shown(const S& section) const {
        return fmt::format("\"{}\"", section.*member);
    }
};

/// A text of a certain form, or none.
template <typename S>
struct Formed {
    std::string S::* member;
    const Form* form;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const { return std::string(form->range); }
    [[nodiscard]] std::string shown(const S& section) const {
        return fmt::format("\"{}\"", section.*member);
    }
};

/// One word of a few.
template <typename S, typename E>
struct Word {
    E S::* member;
    std::span<const Spelling<E>> spellings;

    [[nodiscard]] std::vector<std::string_view> words() const {
        std::vector<std::string_view> result;
        for (const auto& spelling : spellings) result.push_back(spelling.word);
        return result;
    }
    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const {
        std::vector<std::string> quotes;
        for (const auto word : words()) quotes.push_back(fmt::format("\"{}\"", word));
        return listed(std::vector<std::string_view>(quotes.begin(), quotes.end()));
    }
    [[nodiscard]] std::string shown(const S& section) const {
        return fmt::format("\"{}\"", word_of(spellings, section.*member));
    }
};

template <typename S>
struct Addresses {
    std::vector<base::Address> S::* member;

    [[nodiscard]] std::string type() const { return "array of strings"; }
    [[nodiscard]] std::string range() const { return "\"192.0.2.1:21\" or \"[2001:db8::1]:21\""; }
    [[nodiscard]] std::string shown(const S& section) const {
        std::string result;
        for (const auto& address : section.*member)
            result += fmt::format("{}\"{}\"", result.empty() ? "" : ", ", to_string(address));
        return '[' + result + ']';
    }
};

template <typename S>
struct Ports {
    base::PortRange S::* member;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const { return "\"FIRST-LAST\", ports 1 to 65535"; }
    [[nodiscard]] std::string shown(const S& section) const {
        return fmt::format("\"{}\"", to_string(section.*member));
    }
};

/// Ports that may be unsaid; then there are none.
template <typename S>
struct OptionalPorts {
    std::optional<base::PortRange> S::* member;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const { return "\"FIRST-LAST\", ports 1 to 65535"; }
    [[nodiscard]] std::string shown(const S& section) const {
        const auto& said = section.*member;
        return said ? fmt::format("\"{}\"", to_string(*said)) : "none";
    }
};

/// One network or a list of them.
template <typename S>
struct Networks {
    std::vector<base::Subnet> S::* member;

    [[nodiscard]] std::string type() const { return "string or array of strings"; }
    [[nodiscard]] std::string range() const { return "networks such as \"10.0.0.0/8\""; }
    [[nodiscard]] std::string shown(const S& section) const {
        const auto& networks = section.*member;
        if (networks.size() == 1) return fmt::format("\"{}\"", to_string(networks.front()));
        std::string result;
        for (const auto& network : networks)
            result += fmt::format("{}\"{}\"", result.empty() ? "" : ", ", to_string(network));
        return '[' + result + ']';
    }
};

template <typename S>
struct Peer {
    DataPeer S::* member;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const {
        return "\"exact\", \"any\" or a network such as \"10.0.0.0/8\"";
    }
    [[nodiscard]] std::string shown(const S& section) const {
        const DataPeer& peer = section.*member;
        switch (peer.kind) {
            case DataPeer::Kind::exact: return "\"exact\"";
            case DataPeer::Kind::any: return "\"any\"";
            case DataPeer::Kind::network: break;
        }
        return fmt::format("\"{}\"", to_string(*peer.network));
    }
};

template <typename S>
struct Announced {
    std::vector<AnnounceRule> S::* member;

    [[nodiscard]] std::string type() const { return "string or table"; }
    [[nodiscard]] std::string range() const {
        return "\"local\", an IPv4 address, a host name, or { NETWORK = ..., default = ... } of "
               "these";
    }
    [[nodiscard]] std::string shown(const S& section) const {
        std::string result;
        for (const auto& rule : section.*member) {
            const auto whom =
                rule.network ? fmt::format("\"{}\"", to_string(*rule.network)) : "default";
            const auto local_or_name = rule.name.empty() ? "local" : rule.name;
            const auto what = rule.address ? to_string(*rule.address) : local_or_name;
            result += fmt::format("{} {} = \"{}\"", result.empty() ? "" : ",", whom, what);
        }
        return result.empty() ? "\"local\"" : '{' + result + " }";
    }
};

/// Names by patterns of names.
template <typename S>
struct UserNames {
    std::vector<UserRule> S::* member;

    [[nodiscard]] std::string type() const { return "string or table"; }
    [[nodiscard]] std::string range() const {
        return "a name, in which {user} stands for the client's, or { PATTERN = ... } of these";
    }
    [[nodiscard]] std::string shown(const S& section) const {
        std::string result;
        for (const auto& rule : section.*member)
            result += fmt::format("{} {} = {}", result.empty() ? "" : ",",
                                  toml_string(rule.pattern), toml_string(rule.name));
        return result.empty() ? "{}" : '{' + result + " }";
    }
};

template <typename S>
struct SourcePort {
    ActiveSource S::* member;

    [[nodiscard]] std::string type() const { return "string or integer"; }
    [[nodiscard]] std::string range() const {
        return "\"ephemeral\", \"below-control\" or 1 to 65535";
    }
    [[nodiscard]] std::string shown(const S& section) const {
        const ActiveSource& source = section.*member;
        switch (source.kind) {
            case ActiveSource::Kind::ephemeral: return "\"ephemeral\"";
            case ActiveSource::Kind::below_control: return "\"below-control\"";
            case ActiveSource::Kind::fixed: break;
        }
        return fmt::to_string(source.port);
    }
};

template <typename S>
struct HostPort {
    std::string S::* host;
    std::uint16_t S::* port;

    [[nodiscard]] std::string type() const { return "string"; }
    [[nodiscard]] std::string range() const {
        return "\"HOST:PORT\" or \"HOST\"; HOST is a name, an IPv4 address or \"[IPv6]\"";
    }
    [[nodiscard]] std::string shown(const S& section) const {
        if ((section.*host).empty()) return "\"\"";
        return fmt::format("\"{}\"", to_string(Destination{section.*host, section.*port}));
    }
};

template <typename S>
using Kind =
    std::variant<Flag<S>, Number<S>, OptionalNumber<S>, Time<S>, OptionalTime<S>, Size<S>, Text<S>,
                 Texts<S>, Name<S>, Formed<S>, Word<S, ListenerMode>, Word<S, LogLevel>,
                 Word<S, LogFormat>, Word<S, ProbeType>, Word<S, ProxyHeader>, Word<S, Balance>,
                 Word<S, StickBy>, Word<S, StickOtherwise>, Word<S, ActiveAddress>,
                 Word<S, BackendData>, Word<S, TlsRequire>, Word<S, SessionReuse>,
                 Word<S, ClientCertificate>, Word<S, BackendTlsMode>, Word<S, BackendVerify>,
                 Word<S, BackendDataTls>, Word<S, base::TlsVersion>, Addresses<S>, Ports<S>,
                 OptionalPorts<S>, Networks<S>, Peer<S>, Announced<S>, UserNames<S>, SourcePort<S>,
                 HostPort<S>>;

}  // namespace ballast::config
