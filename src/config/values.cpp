// SPDX-License-Identifier: Apache-2.0
#include "config/values.h"

#include "base/ascii.h"
#include "config/amount.h"
#include "config/destination.h"
#include "config/refusal.h"
#include "config/rivals.h"
#include "config/spelling.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#define TOML_ENABLE_PARSER 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace ballast::config {

namespace {

constexpr std::size_t user_name_bytes_max = 256;

/// For texts that are not a setting themselves.
struct Bytes {
    std::size_t bytes_min;
    std::size_t bytes_max;

    [[nodiscard]] std::string range() const {
        return fmt::format("{} to {} bytes, no control characters", bytes_min, bytes_max);
    }
};

bool has_other_braces(std::string_view name) {
    constexpr std::string_view user = "{user}";
    for (std::size_t at = 0; (at = name.find_first_of("{}", at)) != std::string_view::npos;
         at += user.size())
        if (!name.substr(at).starts_with(user)) return true;
    return false;
}

/// One value of the file and its setting.
struct Value {
    const toml::node& node;
    std::string path;
    const Setting& setting;

    [[nodiscard]] std::string range() const { return range_of(setting.kind); }
};

/// One function for each kind of setting.
class Taking {
public:
    Taking(Places& places, std::vector<Problem>& problems) : places_(places), problems_(problems) {}

    void take(const Value& value, const Flag& kind, Record into) {
        const auto* flag = value.node.as_boolean();
        if (flag == nullptr) return wrong_type(value);
        into[kind.member] = flag->get();
    }

    void take(const Value& value, const OptionalNumber& kind, Record into) {
        take_number(value, kind, into);
    }

    void take(const Value& value, const Number& kind, Record into) {
        take_number(value, kind, into);
    }

    template <typename K>
    void take_number(const Value& value, const K& kind, Record into) {
        const auto* number = value.node.as_integer();
        if (number == nullptr) return wrong_type(value);
        if (number->get() < kind.min || number->get() > kind.max)
            return out_of_range(value, fmt::to_string(number->get()));
        into[kind.member] = static_cast<std::uint32_t>(number->get());
    }

    void take(const Value& value, const Time& kind, Record into) {
        if (const auto duration = duration_of(value, kind)) into[kind.member] = *duration;
    }

    void take(const Value& value, const OptionalTime& kind, Record into) {
        if (const auto duration = duration_of(value, kind)) into[kind.member] = *duration;
    }

    /// Empty after the value was refused.
    template <typename K>
    std::optional<Duration> duration_of(const Value& value, const K& kind) {
        const auto text = text_of_amount(value.node);
        const auto duration = text ? parse_duration(*text) : Duration(0);
        if (!text)
            wrong_type(value);
        else if (!duration)
            refuse(value, duration.error());
        else if (*duration < kind.min || *duration > kind.max)
            out_of_range(value, *text);
        else
            return *duration;
        return std::nullopt;
    }

    void take(const Value& value, const Size& kind, Record into) {
        const auto text = text_of_amount(value.node);
        if (!text) return wrong_type(value);
        const auto size = parse_size(*text);
        if (!size) return refuse(value, size.error());
        if (*size < kind.min || *size > kind.max) return out_of_range(value, *text);
        into[kind.member] = *size;
    }

    /// A number without a unit is per second.
    void take(const Value& value, const Rate& kind, Record into) {
        std::string text;
        if (const auto* said = value.node.as_string())
            text = said->get();
        else if (const auto* whole = value.node.as_integer())
            text = fmt::format("{}/s", whole->get());
        else if (const auto* fraction = value.node.as_floating_point())
            text = fmt::format("{}/s", fraction->get());
        else
            return wrong_type(value);
        const auto rate = parse_rate(text);
        if (!rate) return refuse(value, rate.error());
        const bool is_off = *rate == 0 && kind.may_be_off;
        if (!is_off && (*rate < kind.min || *rate > kind.max)) return out_of_range(value, text);
        into[kind.member] = *rate;
    }

    void take(const Value& value, const Text& kind, Record into) {
        const auto* text = value.node.as_string();
        if (text == nullptr) return wrong_type(value);
        if (auto wrong = wrong_text(value.setting.key, text->get(), kind))
            return refuse(value, std::move(*wrong));
        into[kind.member] = text->get();
    }

    void take(const Value& value, const Texts& kind, Record into) {
        into[kind.member].clear();  // there may be a default
        take_each(value, [&](std::string_view name, const std::string& text) {
            auto wrong = wrong_text(name, text, kind);
            if (!wrong) into[kind.member].push_back(text);
            return wrong;
        });
    }

    void take(const Value& value, const Networks& kind, Record into) {
        take_each(value, [&](std::string_view, const std::string& text) {
            const auto network = base::Subnet::parse(text);
            if (network) into[kind.member].push_back(*network);
            return network ? std::nullopt
                           : std::optional(no_network(text, "such as \"10.0.0.0/8\""));
        });
    }

    /// A string, or an array of them. Calls `take_one` with the name and the text of each; it
    /// returns why the text is refused.
    template <typename TakeOne>
    void take_each(const Value& value, TakeOne&& take_one) {
        if (const auto* text = value.node.as_string()) {
            if (auto wrong = take_one(value.setting.key, text->get()))
                refuse(value, std::move(*wrong));
            return;
        }
        const auto* array = value.node.as_array();
        if (array == nullptr) return wrong_type(value);
        for (std::size_t i = 0; i < array->size(); ++i) {
            const auto& node = (*array)[i];
            const auto where = place_of(fmt::format("{}[{}]", value.path, i), node.source());
            places_.said(where);
            const auto name = fmt::format("{}[{}]", value.setting.key, i);
            const auto* text = node.as_string();
            auto wrong = text ? take_one(name, text->get())
                              : Refusal{fmt::format("{} is {}", name, type_name(node)),
                                        fmt::format("use a string: {}", value.range())};
            if (!wrong) continue;
            places_.refused(value.path);
            report(where, std::move(wrong->what), std::move(wrong->fix));
        }
    }

    static Refusal no_network(std::string_view text, std::string_view example) {
        return {fmt::format("{} is not a network", in_quotes(text)),
                fmt::format("write the first address and the prefix, {}", example)};
    }

    /// Why a text is not of this kind; empty if it is.
    template <typename K>
    static std::optional<Refusal> wrong_text(std::string_view name, const std::string& text,
                                             const K& kind) {
        auto fix = fmt::format("use {}", kind.range());
        if (text.size() < kind.bytes_min || text.size() > kind.bytes_max)
            return Refusal{fmt::format("{} has {} bytes", name, text.size()), std::move(fix)};
        if (std::ranges::any_of(text, is_control_character))
            return Refusal{fmt::format("{} has a control character", in_quotes(text)),
                           std::move(fix)};
        return std::nullopt;
    }

    void take(const Value& value, const Name& kind, Record into) {
        const auto* text = value.node.as_string();
        if (text == nullptr) return wrong_type(value);
        const bool is_unset = kind.may_be_empty && text->get().empty();
        if (!is_unset && !is_name(text->get()))
            return refuse(value, {fmt::format("{} is not a name", in_quotes(text->get())),
                                  fmt::format("use {}", kind.range())});
        into[kind.member] = text->get();
    }

    void take(const Value& value, const Formed& kind, Record into) {
        const auto* text = value.node.as_string();
        if (text == nullptr) return wrong_type(value);
        if (text->get().empty()) return into[kind.member].clear();
        auto parsed = kind.form->parse(text->get());
        if (!parsed) return refuse(value, std::move(parsed.error()));
        into[kind.member] = std::move(*parsed);
    }

    void take(const Value& value, const Word& kind, Record into) {
        const auto* text = value.node.as_string();
        if (text == nullptr) return wrong_type(value);
        if (std::ranges::find(kind.words, text->get()) == kind.words.end())
            return unknown_word(value, kind.words);
        kind.take(text->get(), into);
    }

    void take(const Value& value, const Addresses& kind, Record into) {
        const auto* array = value.node.as_array();
        if (array == nullptr)
            return refuse(value, {fmt::format("{} is {}", value.setting.key, type_name(value.node)),
                                  "use an array of addresses, such as [\"0.0.0.0:21\"]"});
        for (std::size_t i = 0; i < array->size(); ++i) {
            const auto& node = (*array)[i];
            const auto where = place_of(fmt::format("{}[{}]", value.path, i), node.source());
            places_.said(where);
            const auto* text = node.as_string();
            const auto address = text ? base::Address::parse(text->get()) : std::nullopt;
            if (address) {
                into[kind.member].push_back(*address);
                continue;
            }
            places_.refused(value.path);
            report(where,
                   text ? fmt::format("{} is not an address with a port", in_quotes(text->get()))
                        : fmt::format("an address is {}", type_name(node)),
                   "write \"192.0.2.1:21\" or \"[2001:db8::1]:21\"; for every address "
                   "\"0.0.0.0:21\" and \"[::]:21\"");
        }
    }

    void take(const Value& value, const Ports& kind, Record into) {
        if (const auto ports = ports_of(value)) into[kind.member] = *ports;
    }

    void take(const Value& value, const OptionalPorts& kind, Record into) {
        if (const auto ports = ports_of(value)) into[kind.member] = *ports;
    }

    /// Empty after the value was refused.
    std::optional<base::PortRange> ports_of(const Value& value) {
        const auto* text = value.node.as_string();
        const auto ports = text ? base::PortRange::parse(text->get()) : std::nullopt;
        if (text == nullptr)
            wrong_type(value);
        else if (!ports)
            refuse(value, no_ports(text->get()));
        return ports;
    }

    static Refusal no_ports(std::string_view text) {
        const auto dash = text.find('-');
        const auto first = base::parse_port(text.substr(0, dash));
        const auto last =
            dash == std::string_view::npos ? std::nullopt : base::parse_port(text.substr(dash + 1));
        if (first && last && *last < *first && *last > 0)
            return {fmt::format("{} ends before it begins", in_quotes(text)),
                    fmt::format("write \"{}-{}\"", *last, *first)};
        return {fmt::format("{} is not a range of ports", in_quotes(text)),
                "write the first and the last port, such as \"20000-20099\""};
    }

    void take(const Value& value, const Peer& kind, Record into) {
        const auto* text = value.node.as_string();
        if (text == nullptr) return wrong_type(value);
        DataPeer& peer = into[kind.member];
        if (text->get() == "exact") {
            peer = {DataPeer::Kind::exact, std::nullopt};
        } else if (text->get() == "any") {
            peer = {DataPeer::Kind::any, std::nullopt};
        } else if (const auto network = base::Subnet::parse(text->get())) {
            peer = {DataPeer::Kind::network, network};
        } else {
            refuse(value,
                   no_network(text->get(), "such as \"10.0.0.0/8\", or \"exact\" or \"any\""));
        }
    }

    void take(const Value& value, const Sources& kind, Record into) {
        Source& source = into[kind.member];
        const auto* text = value.node.as_string();
        if (text != nullptr && text->get() == "system") return void(source = {});
        if (text != nullptr && text->get() == "client")
            return void(source = {Source::Kind::client, {}});
        take_each(value, [&](std::string_view, const std::string& each) -> std::optional<Refusal> {
            const auto ip = base::Ip::parse(each);
            if (!ip)
                return Refusal{fmt::format("{} is not an address", in_quotes(each)),
                               "write addresses of this machine, or \"client\" or \"system\""};
            source.kind = Source::Kind::addresses;
            source.addresses.push_back(*ip);
            return std::nullopt;
        });
    }

    void take(const Value& value, const Announced& kind, Record into) {
        auto& rules = into[kind.member];
        if (value.node.is_string()) {
            announce(place_of(value.path, value.node.source()), value.node, std::nullopt, rules);
        } else if (const auto* table = value.node.as_table()) {
            for (const auto& [key, node] : *table) announce_to(value.path, key, node, rules);
        } else {
            return wrong_type(value);
        }
        // The most specific network first. The order of equally large ones does not matter.
        std::ranges::sort(rules, std::greater{}, [](const AnnounceRule& rule) {
            return rule.network ? rule.network->prefix_bits() : -1;
        });
        // The default without a rule is the local address, so a rule that says so changes nothing.
        if (!rules.empty() && rules.back() == AnnounceRule{}) rules.pop_back();
    }

    /// NETWORK = ADDRESS
    void announce_to(const std::string& path, const toml::key& key, const toml::node& node,
                     std::vector<AnnounceRule>& rules) {
        const auto key_path = joined(path, key.str());
        std::optional<base::Subnet> network;
        if (key.str() != "default") {
            network = base::Subnet::parse(key.str());
            if (!network) {
                constexpr std::array<std::string_view, 1> words = {"default"};
                auto wrong = no_network(key.str(), nearest(key.str(), words)
                                                       ? "such as \"10.0.0.0/8\", or default; did "
                                                         "you mean default?"
                                                       : "such as \"10.0.0.0/8\", or default");
                return report(place_of(key_path, key.source()), std::move(wrong.what),
                              std::move(wrong.fix));
            }
            if (std::ranges::find(rules, network, &AnnounceRule::network) != rules.end())
                return report(place_of(key_path, key.source()),
                              fmt::format("{} is given twice", to_string(*network)), "remove one");
        }
        announce(place_of(key_path, node.source()), node, network, rules);
    }

    /// Texts that have the form of a host name but are hardly meant as one.
    static std::optional<std::string> typo_in_address(std::string_view text) {
        if (base::is_same_but_for_case(text, "local")) return "did you mean local?";
        // No top-level domain begins with a digit: "203.0.113.2l".
        const auto dot = text.rfind('.');
        const auto last = text.substr(dot == std::string_view::npos ? 0 : dot + 1);
        if (dot != std::string_view::npos && !last.empty() && '0' <= last[0] && last[0] <= '9')
            return "an IPv4 address has four numbers up to 255";
        return std::nullopt;
    }

    void announce(const Where& where, const toml::node& node, std::optional<base::Subnet> network,
                  std::vector<AnnounceRule>& rules) {
        const auto* text = node.as_string();
        constexpr auto fix =
            "use \"local\", an IPv4 address, such as \"203.0.113.21\", or a host name";
        if (text == nullptr)
            return report(where, fmt::format("an address is {}", type_name(node)), fix);
        if (text->get() == "local") {
            rules.push_back({network, std::nullopt});
            return;
        }
        const auto ip = base::Ip::parse(text->get());
        if (const auto wrong = typo_in_address(text->get()); !ip && wrong)
            return report(where,
                          fmt::format("{} is not an address to connect to", in_quotes(text->get())),
                          fmt::format("{}; {}", fix, *wrong));
        if (auto name = parse_host_name(text->get()); !ip && name) {
            rules.push_back({network, std::nullopt, std::move(*name)});
            return;
        }
        if (!ip || ip->is_any())
            return report(where,
                          fmt::format("{} is not an address to connect to", in_quotes(text->get())),
                          fix);
        // A PASV reply has four numbers (RFC 959), and EPSV announces no address (RFC 2428).
        if (!ip->is_v4())
            return report(where,
                          fmt::format("PASV cannot announce the IPv6 address {}", to_string(*ip)),
                          "use \"local\", an IPv4 address or a host name; EPSV needs none");
        rules.push_back({network, ip});
    }

    void take(const Value& value, const UserNames& kind, Record into) {
        auto& rules = into[kind.member];
        if (value.node.is_string()) {
            name_users(place_of(value.path, value.node.source()), "*", value.node, rules);
        } else if (const auto* table = value.node.as_table()) {
            for (const auto& [key, node] : *table)
                name_users(place_of(joined(value.path, key.str()), node.source()), key.str(), node,
                           rules);
        } else {
            return wrong_type(value);
        }
        // The most specific pattern first, equal ones in alphabetical order.
        std::ranges::sort(rules, {}, [](const UserRule& rule) {
            const auto is_literal = [](char c) { return c != '*' && c != '?'; };
            return std::pair(-std::ranges::count_if(rule.pattern, is_literal), rule.pattern);
        });
    }

    /// PATTERN = NAME
    void name_users(const Where& where, std::string_view pattern, const toml::node& node,
                    std::vector<UserRule>& rules) {
        constexpr Bytes bounds{1, user_name_bytes_max};
        if (auto wrong = wrong_text("the pattern", std::string(pattern), bounds))
            return report(where, std::move(wrong->what), std::move(wrong->fix));
        const auto* text = node.as_string();
        if (text == nullptr)
            return report(where, fmt::format("a user's name is {}", type_name(node)),
                          "use a string, such as \"ftp-sales\" or \"{user}@example.com\"");
        if (auto wrong = wrong_text("the name", text->get(), bounds))
            return report(where, std::move(wrong->what), std::move(wrong->fix));
        if (has_other_braces(text->get()))
            return report(
                where, fmt::format("{} has braces that are not {{user}}", in_quotes(text->get())),
                "write {user} where the client's name belongs");
        rules.push_back({std::string(pattern), text->get()});
    }

    void take(const Value& value, const SourcePort& kind, Record into) {
        ActiveSource& source = into[kind.member];
        if (const auto* port = value.node.as_integer()) {
            if (port->get() < 1 || port->get() > 65535)
                return out_of_range(value, fmt::to_string(port->get()));
            source = {ActiveSource::Kind::fixed, static_cast<std::uint16_t>(port->get())};
            return;
        }
        const auto* text = value.node.as_string();
        if (text == nullptr) return wrong_type(value);
        if (text->get() == "ephemeral")
            source = {ActiveSource::Kind::ephemeral, 0};
        else if (text->get() == "below-control")
            source = {ActiveSource::Kind::below_control, 0};
        else
            unknown_word(value, std::array<std::string_view, 2>{"ephemeral", "below-control"});
    }

    void take(const Value& value, const HostPort& kind, Record into) {
        const auto* text = value.node.as_string();
        if (text == nullptr) return wrong_type(value);
        if (text->get().empty()) return;
        const auto destination = parse_destination(text->get());
        if (!destination) return refuse(value, destination.error());
        into[kind.host] = destination->host;
        into[kind.port] = destination->port;
    }

    /// The text of a duration or a size. A number without a unit is taken too, to be refused.
    static std::optional<std::string> text_of_amount(const toml::node& node) {
        if (const auto* text = node.as_string()) return text->get();
        if (const auto* number = node.as_integer()) return fmt::to_string(number->get());
        return std::nullopt;
    }

private:
    void wrong_type(const Value& value) {
        refuse(value, {fmt::format("{} is {}", value.setting.key, type_name(value.node)),
                       fmt::format("use {}: {}", with_article(type_of(value.setting.kind)),
                                   value.range())});
    }

    void out_of_range(const Value& value, std::string_view said) {
        auto fix = "use " + value.range();
        if (!value.setting.advice.empty()) fix += fmt::format("; {}", value.setting.advice);
        refuse(value, {fmt::format("{} is {}", value.setting.key, said), std::move(fix)});
    }

    void unknown_word(const Value& value, std::span<const std::string_view> words) {
        const std::string_view said = value.node.as_string()->get();
        auto fix = "use " + value.range();
        auto meant = our_word(value.setting.key, said);
        if (meant && std::ranges::find(words, *meant) == words.end()) meant = std::nullopt;
        if (!meant) meant = nearest(said, words);
        if (meant) fix += fmt::format("; did you mean {}?", *meant);
        refuse(value, {fmt::format("unknown word {}", in_quotes(said)), std::move(fix)});
    }

    void refuse(const Value& value, Refusal refusal) {
        refuse(place_of(value.path, value.node.source()), std::move(refusal.what),
               std::move(refusal.fix));
    }

    void refuse(const Where& where, std::string what, std::string fix) {
        places_.refused(where.key);
        report(where, std::move(what), std::move(fix));
    }

    void report(Where where, std::string what, std::string fix) {
        problems_.push_back({std::move(where), std::move(what), std::move(fix)});
    }

    Places& places_;
    std::vector<Problem>& problems_;
};

}  // namespace

void Values::take(const toml::node& node, const std::string& path, const Setting& setting,
                  Record into) {
    const Value value{node, path, setting};
    Taking taking(places_, problems_);
    std::visit([&](const auto& kind) { taking.take(value, kind, into); }, setting.kind);
}

}  // namespace ballast::config
