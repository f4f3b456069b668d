// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd_translation.h"

#include "base/number.h"
#include "migrate/proftpd_directives.h"
#include "migrate/secret.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::migrate::proftpd {

namespace {

using std::string;
using std::string_view;

constexpr std::uint64_t count_max = 1'000'000;

void report_one(Translation& it, const Directive& directive, bool is_of_proxy = true) {
    if (it.ledger.has(directive.place)) return;
    const auto* const known = find_directive(directive.name);
    if (known != nullptr && known->text == without_effect && !is_of_proxy)
        it.tell(directive, Outcome::not_needed, "the main server is not a proxy");
    else if (known != nullptr)
        it.tell(directive, known->outcome, known->text);
    else
        it.tell(directive, Outcome::unsupported,
                "unknown directive: what it does was not carried over");
}

/// A server that serves files itself, or SFTP, or forwards clients where they ask for.
void report_other(Translation& it, const Server& server, const Directive& block) {
    if (server.is_on("SFTPEngine"))
        return it.tell(block, Outcome::unsupported, "Ballast speaks FTP and FTPS, not SFTP");
    if (server.is_on("ProxyEngine"))
        return it.tell(block, Outcome::unsupported,
                       "a forward proxy: Ballast sends clients to its pools only");
    it.tell(block, Outcome::not_needed, "it is not a proxy: ProFTPD goes on to serve it");
}

}  // namespace

void Translation::tell(const Directive& directive, Outcome outcome, string_view text) {
    ledger.add(directive.place, directive.text(), outcome, text);
}

string Translation::origin(const Directive& directive) {
    return fmt::format("{}: {}", to_string(directive.place), without_secret(directive.text()));
}

void Translation::set(Settings& settings, string_view key, const Value& value,
                      const Directive& directive, const string& text, Outcome outcome) {
    settings.set(key, value, origin(directive));
    tell(directive, outcome, text);
}

void Translation::set_time(Settings& settings, string_view key, const Server& server,
                           string_view directive) {
    const auto* const found = server.last(directive);
    if (found == nullptr) return;
    const auto time = parse_time(found->word(0));
    if (!time) return tell(*found, Outcome::unsupported, "this is no time");
    set(settings, key, Value::time(*time), *found, string(key));
}

void Translation::set_number(Settings& settings, string_view key, const Server& server,
                             string_view directive, string_view text, Outcome outcome) {
    const auto* const found = server.last(directive);
    if (found == nullptr) return;
    const auto number = base::parse_number<std::uint64_t>(found->word(0));
    if (found->word(0) == "none") return tell(*found, Outcome::mapped, "no limit");
    if (!number) return tell(*found, Outcome::unsupported, "this is no number");
    const bool is_alone =
        settings.set_bound(key, std::clamp<std::uint64_t>(*number, 1, count_max), origin(*found));
    if (is_alone) return tell(*found, outcome, text);
    tell(*found, Outcome::approximated, fmt::format("{}: the lowest number in the file", text));
}

void report_rest(Translation& it) {
    for (const auto& [place, directive, text] : it.file.decisions)
        it.ledger.add(place, directive, Outcome::mapped, text);
    std::size_t host = 0;
    for (const auto& directive : it.file.directives) {
        if (directive.is_block && directive.is("VirtualHost")) {
            const auto& server = it.servers.all[++host];
            if (!server.is_reverse_proxy()) {
                report_other(it, server, directive);
                continue;
            }
            for (const auto& inside : directive.inside) report_one(it, inside);
            it.tell(directive, Outcome::mapped, "a listener");
        } else if (directive.is_block && directive.is("Global")) {
            it.tell(directive, Outcome::mapped, "in each server");
            for (const auto& inside : directive.inside) report_one(it, inside);
        } else {
            report_one(it, directive, it.servers.all.front().is_reverse_proxy());
        }
    }
}

}  // namespace ballast::migrate::proftpd
