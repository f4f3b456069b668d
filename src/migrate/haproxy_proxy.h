// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "migrate/haproxy_file.h"
#include "migrate/haproxy_parameters.h"

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The proxies of a haproxy.cfg: its frontends, backends and listens, with what they inherit.
namespace ballast::migrate::haproxy {

/// "[2001:db8::1]:21", "2001:db8::1:21", "ipv4@192.0.2.1:21": what stands behind the last colon is
/// the port, except inside brackets.
struct AddressParts {
    std::string_view host;                 ///< without family and brackets
    std::optional<std::string_view> port;  ///< or ports, or an offset; as written
};
/// Empty: it is no address of IP.
[[nodiscard]] std::optional<AddressParts> parts_of(std::string_view address);

/// One address of a `bind` line.
struct BindAddress {
    std::string host;  ///< empty: every address; "::" is every IPv6 address
    base::PortRange ports;
    bool is_socket = true;  ///< false: a path, a descriptor and the like

    [[nodiscard]] bool is_range() const { return ports.size() > 1; }
};

struct Bind {
    std::uint32_t line = 0;
    std::string text;  ///< its addresses, as written
    std::vector<BindAddress> addresses;
    Parameters parameters;
};

enum class PortKind : std::uint8_t {
    same,  ///< the one that the client connected to
    fixed,
    offset,  ///< that one plus `offset`
};

struct Server {
    std::uint32_t line = 0;
    std::string name;
    std::string text;  ///< its address, as written
    std::string host;  ///< empty: not an address in a network
    PortKind port_kind = PortKind::same;
    std::uint16_t port = 0;
    int offset = 0;
    Parameters parameters;
    bool is_template = false;

    /// Its port for clients that came to `bind_port`. Empty: there is no such port.
    [[nodiscard]] std::optional<std::uint16_t> port_for(std::uint16_t bind_port) const;
};

/// A directive that applies to a proxy.
struct Directive {
    const Line* line;
    bool is_inherited;
};

struct Proxy {
    std::string kind;
    std::string name;
    std::uint32_t line = 0;
    std::vector<Directive> directives;  ///< those of its defaults come first
    std::vector<Bind> binds;
    std::vector<Server> servers;

    /// The last directive that begins with these words: it decides. Null: none.
    [[nodiscard]] const Line* last(std::initializer_list<std::string_view> words) const;
    /// The line that switches an option on. Null: it is off.
    [[nodiscard]] const Line* option(std::string_view wanted) const;
    [[nodiscard]] bool is_disabled() const;
    /// Whether it speaks HTTP: by its mode, or by directives that only HTTP has.
    [[nodiscard]] bool is_web() const;
    [[nodiscard]] bool has_clients() const { return kind != "backend"; }
};

struct Proxies {
    std::vector<Proxy> all;

    [[nodiscard]] const Proxy* find_backend(std::string_view name) const;
};

/// `file` must outlive the result.
[[nodiscard]] std::expected<Proxies, std::vector<SyntaxError>> read_proxies(
    const File& file, const std::string& file_name);

/// Whether the words of the line begin with these.
[[nodiscard]] bool begins_with(const Line& line, std::initializer_list<std::string_view> words);
/// Directives of proxies that only HTTP has.
[[nodiscard]] bool is_for_web(const Line& line);

}  // namespace ballast::migrate::haproxy
