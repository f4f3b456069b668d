// SPDX-License-Identifier: Apache-2.0
#include "base/ascii.h"
#include "migrate/contains.h"
#include "migrate/haproxy_translation.h"
#include "migrate/log_words.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

/// "/dev/log", "192.0.2.9", "udp@192.0.2.9:514", "tcp@[2001:db8::9]:601". Empty: no server.
string syslog_of(string_view target) {
    string_view scheme = "udp";
    for (const string_view prefix :
         {"udp@", "udp4@", "udp6@", "tcp@", "tcp4@", "tcp6@", "ipv4@", "ipv6@", "unix@"})
        if (target.starts_with(prefix)) {
            if (prefix.starts_with("tcp")) scheme = "tcp";
            target.remove_prefix(prefix.size());
        }
    if (target.starts_with('/')) return fmt::format("unix:{}", target);
    if (target.contains('@') || target == "stdout" || target == "stderr") return {};
    constexpr string_view port = ":514";
    const bool has_port =
        target.rfind(':') != string_view::npos &&
        (target.rfind(']') == string_view::npos || target.rfind(']') < target.rfind(':'));
    return fmt::format("{}://{}{}", scheme, target, has_port ? "" : port);
}

void log(Translation& it, const Line& line) {
    constexpr string_view to_stderr = "Ballast writes its log to standard error";
    if (line.word(1) == "stdout" || line.word(1) == "stderr" || line.word(1).starts_with("fd@"))
        return it.notes.add(line, Outcome::not_needed, to_stderr);
    const auto server = syslog_of(line.word(1));
    if (server.empty())
        return it.notes.add(line, Outcome::unsupported,
                            "Ballast sends its log to a file, to syslog or to standard error");
    if (it.draft.log.find("syslog") != nullptr)
        return it.notes.add(line, Outcome::approximated,
                            "there is one syslog server, and that is the first of the file");
    // Behind the address: len N, format F, sample S, profile P; then facility and levels.
    std::size_t next = 2;
    bool has_form = false;
    while (line.word(next) == "len" || line.word(next) == "format" || line.word(next) == "sample" ||
           line.word(next) == "profile") {
        has_form = true;
        next += 2;
    }
    it.draft.log.set("syslog", Value::text(server), it.origin(line));
    const auto facility = base::lower(line.word(next));
    const bool has_facility = is_facility(facility);
    it.draft.log.set("facility", Value::text(has_facility ? facility : "daemon"));
    if (const auto& level = line.word(next + 1); !level.empty())
        it.draft.log.set("level", Value::text(level_of(level)));
    it.notes.add(line, has_facility && !has_form ? Outcome::mapped : Outcome::approximated,
                 fmt::format("[log] syslog, facility and level, in the form of RFC 5424{}",
                             has_facility ? "" : "; the facility is daemon"));
}

void limits(Translation& it) {
    auto& limits = it.draft.limits;
    if (const auto* const line = it.global({"maxconn"}))
        if (const auto number = it.number(*line, 1, count_max); number && *number > 0)
            it.set_bound(limits, "sessions", *number, *line,
                         "limits.sessions; HAProxy counted control and data connections together",
                         Outcome::approximated);
    for (const string_view rate : {"maxsessrate", "maxconnrate"})
        if (const auto* const line = it.global({rate}))
            if (const auto number = it.number(*line, 1, count_max); number && *number > 0)
                it.set_bound(limits, "session_rate", *number, *line,
                             "limits.session_rate; HAProxy counted data connections, too",
                             Outcome::approximated);
}

}  // namespace

void translate_global(Translation& it) {
    limits(it);
    for (const auto& section : it.file.sections)
        if (section.kind == "global")
            for (const auto& line : section.lines)
                if (line.words.front() == "log") log(it, line);
    // A proxy may have a log of its own.
    for (const auto* const proxy : it.used)
        for (const auto& [line, is_inherited] : proxy->directives)
            if (line->words.front() == "log" && line->word(1) != "global" &&
                !it.notes.has(line->number))
                log(it, *line);
    if (const auto* const line = it.global({"hard-stop-after"}))
        if (const auto time = it.time(*line, 1))
            it.set(it.draft.top, "shutdown_timeout", Value::time(*time), *line,
                   "shutdown_timeout; a reload ends nothing");
    if (const auto* const line = it.global({"set-dumpable"}))
        it.set(it.draft.top, "core_dumps", Value::flag(line->word(1) != "off"), *line,
               "core_dumps");
    for (const auto& section : it.file.sections)
        if (section.kind == "global")
            for (const auto& line : section.lines)
                if (begins_with(line, {"stats", "socket"}))
                    it.notes.add(
                        line, Outcome::approximated,
                        "the admin API is at /run/ballast/admin.sock, for Ballast's user and "
                        "`group` in [admin]; `ballast help` lists the commands");
}

}  // namespace ballast::migrate::haproxy
