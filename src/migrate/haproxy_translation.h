// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "config/config.h"
#include "migrate/draft.h"
#include "migrate/haproxy_file.h"
#include "migrate/haproxy_notes.h"
#include "migrate/haproxy_proxy.h"
#include "migrate/haproxy_service.h"
#include "migrate/importer.h"
#include "migrate/names.h"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace ballast::migrate::haproxy {

/// How clients' TLS reaches the servers of a pool.
enum class Way : std::uint8_t {
    plain,     ///< the control connection begins in plain text
    implicit,  ///< HAProxy forwards TLS from the first byte, unread
};

/// What the parts of a translation share.
struct Translation {
    const Source& source;
    const File& file;
    const Proxies& proxies;
    const Services& services;
    Draft draft;
    Notes notes;
    Names listener_names;
    Names pool_names;
    std::set<const Proxy*> used;     ///< that became part of the configuration
    std::set<const Proxy*> refused;  ///< that should have, and could not
    /// Pools that were made already.
    std::map<std::tuple<const Proxy*, Way, std::uint16_t>, std::string> pools;

    /// The last directive of `global` that begins with these words. Null: none.
    [[nodiscard]] const Line* global(std::initializer_list<std::string_view> words) const;
    /// A path as HAProxy resolves it, with `ca-base` and the like.
    [[nodiscard]] std::string path(std::string_view base, const std::string& path);
    /// "haproxy.cfg:12: inter 20s", the comment of a setting.
    [[nodiscard]] std::string origin(const Line& line) const;
    [[nodiscard]] std::string origin(const Given& given) const;

    /// A time within the bounds that Ballast has; reports a syntax error as unsupported. A timeout
    /// of 0 means for ever. Other times of 0 set nothing, which is reported, too.
    [[nodiscard]] std::optional<config::Duration> time(const Line& line, std::size_t word);
    [[nodiscard]] std::optional<config::Duration> time(const Given& given);
    [[nodiscard]] std::optional<std::uint64_t> number(const Line& line, std::size_t word,
                                                      std::uint64_t max);
    [[nodiscard]] std::optional<std::uint64_t> number(const Given& given, std::uint64_t max);

    /// A setting from a line, which is reported as mapped to `key`.
    void set(Settings& settings, std::string_view key, const Value& value, const Line& line,
             const std::string& text, Outcome outcome = Outcome::mapped);
    void set(Settings& settings, std::string_view key, const Value& value, const Given& given,
             const std::string& text, Outcome outcome = Outcome::mapped);
    /// A bound, unless a stricter one is set already.
    void set_bound(Settings& settings, std::string_view key, std::uint64_t bound, const Line& line,
                   const std::string& text, Outcome outcome);
    void set_bound(Settings& settings, std::string_view key, std::uint64_t bound,
                   const Given& given, const std::string& text, Outcome outcome);
};

constexpr std::uint64_t count_max = 1'000'000;

void translate_global(Translation& it);
void translate_service(Translation& it, const Service& service);

/// The name of the pool for the servers of a proxy, whose clients came to `bind_port`. Makes the
/// pool if there is none yet. Empty: the proxy has no server that Ballast can reach.
[[nodiscard]] std::string pool_for(Translation& it, const Proxy& proxy, Way way,
                                   std::uint16_t bind_port);

/// The same pool, if it was made. Valid until the next one is made.
[[nodiscard]] DraftPool* made_pool(Translation& it, const Proxy& proxy, Way way,
                                   std::uint16_t bind_port);

/// Which of its backends a pool chooses, which must be there already.
void translate_balance(Translation& it, const Proxy& proxy, DraftPool& pool);
/// Health checks.
void translate_checks(Translation& it, const Proxy& proxy, std::uint16_t bind_port,
                      DraftPool& pool);
/// Stickiness.
void translate_stick(Translation& it, const Proxy& proxy, DraftPool& pool);
/// Where connections to the servers begin. `servers` are those that became backends.
void translate_source(Translation& it, const Proxy& proxy,
                      const std::vector<const Server*>& servers, DraftPool& pool);
/// `sees_names`: whether the listener sees SNI.
void translate_routes(Translation& it, const Service& service, DraftListener& listener, Way way,
                      std::uint16_t bind_port, bool sees_names);
void translate_access(Translation& it, const Proxy& proxy, DraftListener& listener);
void translate_timeouts(Translation& it, const Service& service, DraftListener& listener);
/// TLS that HAProxy itself speaks with clients of these lines.
void translate_bind_tls(Translation& it, const Proxy& proxy, const std::vector<const Bind*>& binds,
                        DraftListener& listener);

/// Versions and ciphers of TLS. `side` is "bind" or "server", for the defaults in `global`.
void translate_versions(Translation& it, std::string_view side, const Parameters& parameters,
                        Settings& tls);
/// TLS of a server. Empty: it has none.
[[nodiscard]] Settings tls_of(Translation& it, const Server& server);

/// Every line that nothing was said of yet.
void report_rest(Translation& it);

}  // namespace ballast::migrate::haproxy
