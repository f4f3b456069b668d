// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_proxy.h"

#include "base/ascii.h"
#include "base/number.h"
#include "config/spelling.h"
#include "migrate/contains.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

constexpr std::size_t template_servers_max = 1000;
/// Of all proxies together, with what they inherit.
constexpr std::size_t directives_max = 1'000'000;
/// Of one server or one bind.
constexpr std::size_t parameters_max = 256;
/// Of all servers together, with what they inherit.
constexpr std::size_t all_parameters_max = 200'000;

constexpr auto web_words = std::to_array<string_view>({"http-request",
                                                       "http-response",
                                                       "http-after-response",
                                                       "http-check",
                                                       "http-error",
                                                       "http-reuse",
                                                       "http-send-name-header",
                                                       "capture",
                                                       "compression",
                                                       "redirect",
                                                       "errorfile",
                                                       "errorfiles",
                                                       "errorloc",
                                                       "errorloc302",
                                                       "errorloc303",
                                                       "monitor-uri",
                                                       "monitor",
                                                       "monitor-net",
                                                       "unique-id-format",
                                                       "unique-id-header",
                                                       "use-fcgi-app",
                                                       "stats",
                                                       "cookie",
                                                       "max-keep-alive-queue"});

bool is_proxy(string_view kind) {
    return kind == "frontend" || kind == "backend" || kind == "listen";
}

/// "ipv4@192.0.2.1" without the family. Empty: it is no address of IP.
std::optional<string_view> without_prefix(string_view text) {
    for (const auto prefix : {"ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"})
        if (text.starts_with(prefix)) return text.substr(string_view(prefix).size());
    if (text.starts_with('/') || text.contains('@')) return std::nullopt;
    return text;
}

class Builder {
public:
    Builder(const File& file, const string& file_name) : file_(file), file_name_(file_name) {}

    std::expected<Proxies, std::vector<SyntaxError>> run() {
        for (const auto& section : file_.sections) {
            if (directives_ > directives_max) {
                errors_.push_back({{file_name_, section.line},
                                   "the proxies inherit too much from their defaults",
                                   "split the file"});
                break;
            }
            if (section.kind == "defaults")
                defaults(section);
            else if (is_proxy(section.kind))
                proxy(section);
        }
        if (!errors_.empty()) return std::unexpected(std::move(errors_));
        return std::move(proxies_);
    }

private:
    struct Defaults {
        string name;
        std::vector<Directive> directives;
    };

    void defaults(const Section& section) {
        // A defaults section starts from nothing, unless `from` names another one.
        Defaults made{section.name, {}};
        if (!section.from.empty()) made.directives = inherited(section);
        for (const auto& line : section.lines) made.directives.push_back({&line, true});
        directives_ += made.directives.size();
        defaults_.push_back(std::move(made));
    }

    [[nodiscard]] std::vector<Directive> inherited(const Section& section) const {
        if (defaults_.empty()) return {};
        if (section.from.empty()) return defaults_.back().directives;
        for (auto found = defaults_.rbegin(); found != defaults_.rend(); ++found)
            if (found->name == section.from) return found->directives;
        return {};
    }

    void proxy(const Section& section) {
        Proxy made;
        made.kind = section.kind;
        made.name = section.name;
        made.line = section.line;
        made.directives = inherited(section);
        for (const auto& line : section.lines) made.directives.push_back({&line, false});
        // Their binds and servers may be of kinds that FTP has no use for.
        if (!made.is_web()) read_lines(made);
        directives_ += made.directives.size();
        proxies_.all.push_back(std::move(made));
    }

    void read_lines(Proxy& proxy) {
        Parameters default_server;
        for (const auto& [line, is_inherited] : proxy.directives) {
            const auto& verb = line->words.front();
            if (verb == "bind" && !is_inherited) bind(proxy, *line);
            if (verb == "default-server") add(default_server, *line, 1, server_parameters());
            if (verb == "server" && !is_inherited) server(proxy, *line, default_server);
            if (verb == "server-template" && !is_inherited)
                server_template(proxy, *line, default_server);
        }
    }

    void bind(Proxy& proxy, const Line& line) {
        Bind made;
        made.line = line.number;
        made.text = line.word(1);
        if (made.text.empty()) return fail(line, "bind has no address", "write `bind :21`");
        string_view rest = made.text;
        while (!rest.empty()) {
            const auto end = std::min(rest.find(','), rest.size());
            bind_address(made, line, rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        add(made.parameters, line, 2, bind_parameters());
        proxy.binds.push_back(std::move(made));
    }

    void bind_address(Bind& into, const Line& line, string_view text) {
        const auto parts = parts_of(text);
        if (!parts) {
            into.addresses.push_back({string(text), {}, false});
            return;
        }
        const auto& [host, port] = *parts;
        const auto ports = base::PortRange::parse(port.value_or(""));
        if (!ports)
            return fail(line, fmt::format("{} has no valid port", config::in_quotes(text)),
                        "write ADDRESS:PORT or ADDRESS:FIRST-LAST");
        into.addresses.push_back({string(host == "*" ? "" : host), *ports, true});
    }

    void server(Proxy& proxy, const Line& line, const Parameters& defaults) {
        if (line.words.size() < 3)
            return fail(line, "the server has no name or no address",
                        "write `server NAME ADDRESS:PORT`");
        auto made = named(line, 2);
        if (!address(made, line)) return;
        parameters(made, line, 3, defaults);
        proxy.servers.push_back(std::move(made));
    }

    /// `server-template PREFIX COUNT|FIRST-LAST FQDN[:PORT]`: slots for what a name resolves to.
    void server_template(Proxy& proxy, const Line& line, const Parameters& defaults) {
        const auto dash = line.word(2).find('-');
        const auto last = base::parse_number<unsigned>(
            string_view(line.word(2)).substr(dash == string::npos ? 0 : dash + 1));
        if (line.words.size() < 4 || !last || *last == 0 || *last > template_servers_max)
            return fail(line, "server-template needs a prefix, a number and a name",
                        "write `server-template NAME 1-9 HOST:PORT`");
        auto made = named(line, 3);
        made.is_template = true;
        if (!address(made, line)) return;
        parameters(made, line, 4, defaults);
        proxy.servers.push_back(std::move(made));
    }

    void parameters(Server& server, const Line& line, std::size_t first,
                    const Parameters& defaults) {
        if (all_parameters_ > all_parameters_max) return;
        server.parameters = defaults;
        add(server.parameters, line, first, server_parameters());
        all_parameters_ += server.parameters.all().size();
        if (all_parameters_ > all_parameters_max)
            fail(line, "the servers inherit too many parameters", "split the file");
    }

    void add(Parameters& into, const Line& line, std::size_t first,
             std::span<const Parameter> known) {
        if (into.all().size() > parameters_max) return;
        for (auto& given : read_parameters(line, first, known)) {
            into.add(std::move(given));
            if (into.all().size() > parameters_max)
                return fail(line, "there are too many parameters", "write fewer of them");
        }
    }

    static Server named(const Line& line, std::size_t address) {
        Server made;
        made.line = line.number;
        made.name = line.word(1);
        made.text = line.word(address);
        return made;
    }

    bool address(Server& into, const Line& line) {
        const auto parts = parts_of(into.text);
        if (!parts) return true;
        const auto& [host, port] = *parts;
        into.host = host;
        if (!port) return true;
        const bool is_offset = port->starts_with('+') || port->starts_with('-');
        const auto number = base::parse_port(is_offset ? port->substr(1) : *port);
        if (!number || host.empty()) {
            fail(line, fmt::format("{} is not an address", config::in_quotes(into.text)),
                 "write ADDRESS, ADDRESS:PORT, ADDRESS:+N or ADDRESS:-N");
            return false;
        }
        // Port 0 is like none.
        if (is_offset) {
            into.port_kind = PortKind::offset;
            into.offset = port->starts_with('-') ? -int{*number} : int{*number};
        } else if (*number != 0) {
            into.port_kind = PortKind::fixed;
            into.port = *number;
        }
        return true;
    }

    void fail(const Line& line, string what, string fix) {
        errors_.push_back({{file_name_, line.number}, std::move(what), std::move(fix)});
    }

    const File& file_;
    const string& file_name_;
    std::vector<Defaults> defaults_;
    Proxies proxies_;
    std::size_t directives_ = 0;
    std::size_t all_parameters_ = 0;
    std::vector<SyntaxError> errors_;
};

}  // namespace

std::optional<AddressParts> parts_of(string_view address) {
    const auto text = without_prefix(address);
    if (!text) return std::nullopt;
    const auto colon = text->rfind(':');
    const auto bracket = text->rfind(']');
    const bool has_port =
        colon != string_view::npos && (bracket == string_view::npos || bracket < colon);
    AddressParts parts{has_port ? text->substr(0, colon) : *text, std::nullopt};
    if (has_port && colon + 1 < text->size()) parts.port = text->substr(colon + 1);
    if (parts.host.starts_with('[') && parts.host.ends_with(']'))
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    return parts;
}

std::optional<std::uint16_t> Server::port_for(std::uint16_t bind_port) const {
    constexpr int port_max = 65535;
    if (port_kind == PortKind::fixed) return port;
    const int sum = bind_port + (port_kind == PortKind::offset ? offset : 0);
    if (sum < 1 || sum > port_max) return std::nullopt;
    return static_cast<std::uint16_t>(sum);
}

bool begins_with(const Line& line, std::initializer_list<string_view> words) {
    std::size_t i = 0;
    return std::ranges::all_of(words, [&](string_view word) { return line.word(i++) == word; });
}

bool is_for_web(const Line& line) {
    const auto& verb = line.words.front();
    // "no" and "default" stand before options.
    const auto& option = line.word(verb == "option" ? 1 : 2);
    const bool is_option = verb == "option" || line.word(1) == "option";
    if (is_option)
        return option.starts_with("http") || option == "forwardfor" || option == "originalto" ||
               option.starts_with("h1-") || option.starts_with("h2-") ||
               option.starts_with("accept-invalid") || option.starts_with("accept-unsafe");
    if (verb == "timeout") return line.word(1).starts_with("http-") || line.word(1) == "tarpit";
    return contains(web_words, verb);
}

const Line* Proxy::last(std::initializer_list<string_view> words) const {
    const Line* found = nullptr;
    for (const auto& directive : directives)
        if (begins_with(*directive.line, words)) found = directive.line;
    return found;
}

const Line* Proxy::option(string_view wanted) const {
    const Line* found = nullptr;
    for (const auto& directive : directives) {
        const auto& each = *directive.line;
        if (begins_with(each, {"option", wanted})) found = &each;
        if (begins_with(each, {"no", "option", wanted}) ||
            begins_with(each, {"default", "option", wanted}))
            found = nullptr;
    }
    return found;
}

bool Proxy::is_disabled() const {
    bool result = false;
    for (const auto& directive : directives) {
        const auto& each = *directive.line;
        if (each.words.front() == "disabled") result = true;
        if (each.words.front() == "enabled") result = false;
    }
    return result;
}

bool Proxy::is_web() const {
    // Logs, SPOE and the like are not FTP either.
    if (const auto* const mode = last({"mode"})) return mode->word(1) != "tcp";
    // HAProxy ignores such lines of defaults in proxies that are not of HTTP.
    return std::ranges::any_of(directives, [](const auto& directive) {
        return !directive.is_inherited && is_for_web(*directive.line);
    });
}

const Proxy* Proxies::find_backend(string_view name) const {
    const auto found = std::ranges::find_if(
        all, [&](const Proxy& proxy) { return proxy.name == name && proxy.kind != "frontend"; });
    return found == all.end() ? nullptr : &*found;
}

std::expected<Proxies, std::vector<SyntaxError>> read_proxies(const File& file,
                                                              const string& file_name) {
    return Builder(file, file_name).run();
}

}  // namespace ballast::migrate::haproxy
