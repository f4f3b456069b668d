// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "migrate/draft.h"
#include "migrate/importer.h"
#include "migrate/ledger.h"
#include "migrate/names.h"
#include "migrate/proftpd_server.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::migrate::proftpd {

/// What the parts of a translation share.
struct Translation {
    const Source& source;
    const File& file;
    const Servers& servers;
    Draft draft;
    Ledger ledger;
    Names listener_names;
    Names pool_names;
    std::optional<base::PortRange> data_ports = {};  ///< once a pool needs them

    void tell(const Directive& directive, Outcome outcome, std::string_view text);
    /// A setting from a directive, which is reported.
    void set(Settings& settings, std::string_view key, const Value& value,
             const Directive& directive, const std::string& text,
             Outcome outcome = Outcome::mapped);
    /// A time, a number or a path, if the server has such a directive.
    void set_time(Settings& settings, std::string_view key, const Server& server,
                  std::string_view directive);
    /// The lowest of several numbers for the same key counts.
    void set_number(Settings& settings, std::string_view key, const Server& server,
                    std::string_view directive, std::string_view text,
                    Outcome outcome = Outcome::mapped);
    /// "proftpd.conf:12: TimeoutIdle 600", the comment of a setting.
    [[nodiscard]] static std::string origin(const Directive& directive);
};

/// A listener, and the name of the pool in it.
void translate_listener(Translation& it, const Server& server);
/// TLS towards clients. `settings` is the listener, of which implicit TLS takes the addresses.
void translate_tls(Translation& it, const Server& server, DraftListener& listener);
/// Who may log in, and what they may do: <Limit>.
void translate_limits(Translation& it, const Server& server, DraftListener& listener);
/// The pool of the server's backends. Empty: Ballast can reach none of them.
[[nodiscard]] std::string translate_pool(Translation& it, const Server& server,
                                         const std::string& wanted_name);
/// Limits and logs of the whole process.
void translate_process(Translation& it, const Server& server);
/// Versions of TLS from a list such as "TLSv1.2 TLSv1.3" or "ALL -SSLv3", and ciphers.
void translate_versions(Translation& it, const Directive& directive, Settings& tls);
void translate_ciphers(Translation& it, const Directive& directive, Settings& tls);

void report_rest(Translation& it);

}  // namespace ballast::migrate::proftpd
