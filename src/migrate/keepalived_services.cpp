// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived_services.h"

#include "base/number.h"
#include "base/subnet.h"
#include "migrate/keepalived_vocabulary.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <span>
#include <utility>

namespace ballast::migrate {

namespace {

constexpr std::size_t group_addresses_max = 1000;

/// Words that mean the same.
std::string_view canonical(std::string_view word) {
    if (word == "lb_algo") return "lvs_sched";
    if (word == "lb_kind") return "lvs_method";
    if (word == "nb_get_retry") return "retry";
    return word;
}

/// The addresses of an IPv4 or IPv6 address that differ in the last four bytes at most.
std::uint32_t low_bits(const base::Ip& ip) {
    const auto& bytes = ip.bytes();
    const std::size_t size = ip.is_v4() ? 4 : 16;
    std::uint32_t bits = 0;
    for (std::size_t i = size - 4; i < size; ++i) bits = bits << 8U | bytes[i];
    return bits;
}

base::Ip with_low_bits(const base::Ip& ip, std::uint32_t bits) {
    auto bytes = ip.bytes();
    const std::size_t size = ip.is_v4() ? 4 : 16;
    for (std::size_t i = size; i-- > size - 4; bits >>= 8U)
        bytes[i] = static_cast<std::uint8_t>(bits & 0xffU);
    return ip.is_v4() ? base::Ip::from_v4({bytes[0], bytes[1], bytes[2], bytes[3]})
                      : base::Ip::from_v6(bytes);
}

struct IpRange {
    base::Ip first;
    std::uint32_t last_bits = 0;  ///< the low bits of the last one
};

/// "192.0.2.1-10" (the last part is hexadecimal for IPv6), "192.0.2.1-192.0.2.10" or
/// "192.0.2.0/29".
std::optional<IpRange> range_of(std::string_view text) {
    if (const auto subnet = base::Subnet::parse(text)) {
        const auto width = subnet->first().is_v4() ? 32 : 128;
        const auto free_bits = width - subnet->prefix_bits();
        if (free_bits > 16) return std::nullopt;
        return IpRange{subnet->first(), low_bits(subnet->first()) | ((1U << free_bits) - 1)};
    }
    const auto dash = text.find('-');
    const auto first = base::Ip::parse(text.substr(0, dash));
    if (!first || dash == std::string_view::npos) return std::nullopt;
    const auto behind = text.substr(dash + 1);
    if (const auto last = base::Ip::parse(behind)) {
        const bool is_near = with_low_bits(*first, low_bits(*last)) == *last;
        return is_near ? std::optional(IpRange{*first, low_bits(*last)}) : std::nullopt;
    }
    std::uint32_t part = 0;
    const auto* const end = behind.data() + behind.size();
    const auto [stopped, error] =
        std::from_chars(behind.data(), end, part, first->is_v4() ? 10 : 16);
    const std::uint32_t part_mask = first->is_v4() ? 0xff : 0xffff;
    if (error != std::errc() || stopped != end || part > part_mask) return std::nullopt;
    return IpRange{*first, (low_bits(*first) & ~part_mask) | part};
}

struct Group {
    std::vector<base::Address> addresses;
    std::vector<std::uint32_t> marks;
};

class Reader {
public:
    Reader(const std::vector<Directive>& top, Report& report) : top_(top), report_(report) {}

    std::vector<LvsService> run() {
        for (const auto& directive : top_)
            if (directive.name() == "virtual_server_group") group(directive);
        std::vector<LvsService> services;
        for (const auto& directive : top_)
            if (directive.name() == "virtual_server" && services.size() < services_max)
                services.push_back(service(directive));
            else if (directive.name() == "virtual_server")
                refuse(directive,
                       fmt::format("there are more than {} virtual servers: import the others "
                                   "from a file of their own",
                                   services_max));
        return services;
    }

private:
    void refuse(const Directive& directive, std::string_view why) {
        report_.add(directive.place, directive.said(), Outcome::unsupported, why);
    }

    void group(const Directive& directive) {
        auto& into = groups_[std::string(directive.word(1))];
        report_.add(directive.place, directive.said(), Outcome::mapped,
                    "its addresses are those of the virtual servers that name it");
        for (const auto& line : directive.block) member(line, into);
    }

    void member(const Directive& line, Group& into) {
        const auto is_full =
            fmt::format("the group has more than {} addresses", group_addresses_max);
        const auto tell = [&](std::string_view text) {
            report_.add(line.place, line.said(), Outcome::mapped, text);
        };
        if (line.name() == "fwmark") {
            const auto mark = base::parse_number<std::uint32_t>(line.word(1));
            if (!mark) return refuse(line, "the mark is not a number");
            into.marks.push_back(*mark);
            return tell("see the virtual servers of the group");
        }
        if (const auto address = address_of(line.name(), line.word(1))) {
            if (into.addresses.size() == group_addresses_max) return refuse(line, is_full);
            into.addresses.push_back(*address);
            return tell("an address of a listener");
        }
        const auto range = range_of(line.name());
        const auto port = address_of("0.0.0.0", line.word(1));
        if (!range || !port) return refuse(line, "this is not an address, a range or a mark");
        const std::uint64_t first = low_bits(range->first);
        const std::uint64_t last = range->last_bits;
        if (last < first) return refuse(line, "the range ends before it begins");
        if (into.addresses.size() + (last - first) >= group_addresses_max)
            return refuse(line, is_full);
        for (auto bits = first; bits <= last; ++bits)
            into.addresses.push_back(
                {with_low_bits(range->first, static_cast<std::uint32_t>(bits)), port->port});
        tell("addresses of a listener");
    }

    LvsService service(const Directive& directive) {
        LvsService service{.said = said_of(directive)};
        where(directive, service);
        for (const auto& each : directive.block) {
            if (find_vocable("virtual_server", each.name()) == nullptr)
                tell_unknown(each, "virtual_server", report_);
            else if (each.name() == "real_server")
                server(each, service);
            else
                service.options.add(canonical(each.name()), said_of(each));
        }
        return service;
    }

    /// A group may be that of many virtual servers.
    void take_addresses(const Group& group, LvsService& service) {
        addresses_ += group.addresses.size();
        if (addresses_ > addresses_max)
            service.wrong =
                fmt::format("the virtual servers have more than {} addresses", addresses_max);
        else
            service.addresses = group.addresses;
        service.marks = group.marks;
    }

    void where(const Directive& directive, LvsService& service) {
        const auto kind = directive.word(1);
        const auto value = directive.word(2);
        if (kind == "group") {
            const auto found = groups_.find(value);
            if (found == groups_.end()) {
                service.wrong = "there is no such group";
                return;
            }
            take_addresses(found->second, service);
        } else if (kind == "fwmark") {
            const auto mark = base::parse_number<std::uint32_t>(value);
            if (!mark) {
                service.wrong = "the mark is not a number";
                return;
            }
            service.marks = {*mark};
        } else if (const auto address = address_of(kind, value)) {
            service.addresses = {*address};
        } else {
            service.wrong = "this is not an address with a port";
        }
    }

    void server(const Directive& directive, LvsService& service) {
        const auto address = address_of(directive.word(1), directive.word(2));
        if (!address) return refuse(directive, "this is not an address with a port");
        LvsServer server{.said = said_of(directive), .ip = address->ip, .port = address->port};
        for (const auto& each : directive.block) {
            const auto* const vocable = find_vocable("real_server", each.name());
            if (vocable == nullptr)
                tell_unknown(each, "real_server", report_);
            else if (vocable->inside == "check")
                server.checks.push_back(check(each));
            else
                server.options.add(canonical(each.name()), said_of(each));
        }
        service.servers.push_back(std::move(server));
    }

    LvsCheck check(const Directive& directive) {
        LvsCheck check{.kind = directive.name(), .said = said_of(directive)};
        for (const auto& each : directive.block) {
            const auto* const vocable = find_vocable(directive.name(), each.name());
            if (vocable == nullptr) {
                tell_unknown(each, directive.name(), report_);
                continue;
            }
            check.options.add(canonical(each.name()), said_of(each));
            for (const auto& inner : each.block) {
                const auto* const known = find_vocable(vocable->inside, inner.name());
                if (known == nullptr)
                    tell_unknown(inner, each.name(), report_);
                else
                    report_.add(inner.place, inner.said(), known->outcome, known->text);
            }
        }
        return check;
    }

    const std::vector<Directive>& top_;
    Report& report_;
    std::map<std::string, Group, std::less<>> groups_;
    std::size_t addresses_ = 0;  ///< of groups, for all virtual servers
};

}  // namespace

std::vector<LvsService> read_services(const std::vector<Directive>& top, Report& report) {
    return Reader(top, report).run();
}

Said said_of(const Directive& directive) {
    std::string value;
    for (std::size_t i = 1; i < directive.words.size(); ++i)
        value += (value.empty() ? "" : " ") + directive.words[i].text;
    return {directive.place, directive.said(), std::move(value)};
}

void tell_unknown(const Directive& directive, std::string_view context, Report& report) {
    report.add(directive.place, directive.said(), Outcome::unsupported,
               fmt::format("no such word is known {}: keepalived skips what it does not know{}",
                           context.empty() ? "outside of blocks" : fmt::format("in {}", context),
                           directive.has_block ? ", with its block" : ""));
}

}  // namespace ballast::migrate
