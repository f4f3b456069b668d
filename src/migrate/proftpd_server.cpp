// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd_server.h"

#include "base/ascii.h"
#include "base/number.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace ballast::migrate::proftpd {

namespace {

using std::string;
using std::string_view;
using namespace std::chrono_literals;

constexpr config::Duration time_max = 24h;

struct Unit {
    string_view name;
    std::chrono::seconds length;
};
constexpr auto units = std::to_array<Unit>({
    {"", 1s},
    {"s", 1s},
    {"sec", 1s},
    {"m", 1min},
    {"min", 1min},
    {"h", 1h},
    {"hr", 1h},
    {"d", 24h},
});

config::Duration bounded(std::uint64_t seconds) {
    const auto most = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(time_max).count());
    return seconds == 0 || seconds > most ? time_max
                                          : config::Duration(std::chrono::seconds(seconds));
}

std::optional<std::uint64_t> clock(string_view text) {
    std::uint64_t seconds = 0;
    for (;;) {
        const auto end = std::min(text.find(':'), text.size());
        const auto part = base::parse_number<std::uint16_t>(text.substr(0, end));
        if (!part) return std::nullopt;
        seconds = seconds * 60 + *part;
        if (end == text.size()) return seconds;
        text.remove_prefix(end + 1);
    }
}

}  // namespace

bool is_on(string_view word) {
    return std::ranges::any_of(
        std::to_array<string_view>({"on", "yes", "true", "1"}),
        [&](string_view yes) { return base::is_same_but_for_case(word, yes); });
}

std::optional<config::Duration> parse_time(string_view text) {
    constexpr std::size_t clock_length_max = 8;
    if (text.contains(':')) {
        const auto seconds = text.size() > clock_length_max ? std::nullopt : clock(text);
        return seconds ? std::optional(bounded(*seconds)) : std::nullopt;
    }
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = base::parse_number<std::uint32_t>(text.substr(0, digits));
    const auto unit = base::lower(text.substr(digits));
    const auto* const known = std::ranges::find(units, unit, &Unit::name);
    if (!number || known == units.end()) return std::nullopt;
    return bounded(*number * static_cast<std::uint64_t>(known->length.count()));
}

const Directive* Server::last(string_view directive) const {
    const Directive* found = nullptr;
    for (const auto* const each : directives)
        if (each->is(directive)) found = each;
    return found;
}

std::vector<const Directive*> Server::all(string_view directive) const {
    std::vector<const Directive*> found;
    std::ranges::copy_if(directives, std::back_inserter(found),
                         [&](const Directive* each) { return each->is(directive); });
    return found;
}

const Directive* Server::with_word(string_view directive, string_view word) const {
    for (const auto* const each : all(directive))
        if (std::ranges::any_of(each->words, [&](const string& other) {
                return base::is_same_but_for_case(other, word);
            }))
            return each;
    return nullptr;
}

bool Server::is_on(string_view directive) const {
    const auto* const found = last(directive);
    return found != nullptr && proftpd::is_on(found->word(0));
}

bool Server::is_reverse_proxy() const {
    const auto* const role = last("ProxyRole");
    return is_on("ProxyEngine") && !is_on("SFTPEngine") &&
           (role == nullptr || base::is_same_but_for_case(role->word(0), "reverse"));
}

std::expected<Servers, SyntaxError> servers_of(const File& file) {
    Servers servers{.all = {}, .classes = classes_of(file)};
    Server main{.place = {}, .name = "the main server", .addresses = {}, .directives = {}};
    std::vector<const Directive*> global;
    std::vector<const Directive*> own;
    std::vector<const Directive*> hosts;
    for (const auto& directive : file.directives) {
        if (directive.is_block && directive.is("Global"))
            for (const auto& inside : directive.inside) global.push_back(&inside);
        else if (directive.is_block && directive.is("VirtualHost"))
            hosts.push_back(&directive);
        else if (!directive.is_block || !directive.is("Class"))
            own.push_back(&directive);
    }
    main.directives = global;
    std::ranges::copy(own, std::back_inserter(main.directives));
    if (!own.empty()) main.place = own.front()->place;
    if (const auto* const address = main.last("DefaultAddress")) main.addresses = address->words;
    servers.all.push_back(std::move(main));
    std::size_t count = own.size();
    for (const auto* const host : hosts) {
        count += global.size() + host->inside.size() + 1;
        if (count > directives_max)
            return std::unexpected(
                SyntaxError{host->place,
                            fmt::format("the servers have more than {} directives, with those of "
                                        "<Global> in each",
                                        directives_max),
                            "import them in several files"});
        Server server{.place = host->place,
                      .name = host->text(),
                      .addresses = host->words,
                      .directives = global};
        for (const auto& inside : host->inside) server.directives.push_back(&inside);
        servers.all.push_back(std::move(server));
    }
    return servers;
}

}  // namespace ballast::migrate::proftpd
