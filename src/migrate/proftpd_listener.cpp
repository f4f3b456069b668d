// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"
#include "base/ascii.h"
#include "base/number.h"
#include "base/port_range.h"
#include "migrate/log_words.h"
#include "migrate/proftpd_translation.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace ballast::migrate::proftpd {

namespace {

using base::is_same_but_for_case;
using std::string;
using std::string_view;
using enum Outcome;

constexpr std::uint16_t ftp_port = 21;

class ListenerMaker {
public:
    ListenerMaker(Translation& it, const Server& server) : it_(it), server_(server) {}

    void run() {
        const auto* const name = server_.last("ServerName");
        const auto wanted = name == nullptr ? "ftp" : base::lower(name->word(0));
        const auto binds = addresses();
        if (binds.empty()) return;
        const auto pool = translate_pool(it_, server_, wanted);
        if (pool.empty())
            return it_.ledger.add(server_.place, "(no backend)", unsupported,
                                  "no server of ProxyReverseServers can be a backend");
        made_.name = it_.listener_names.make(wanted, "ftp");
        made_.settings.note(fmt::format("{}: {}", to_string(server_.place), server_.name));
        for (const string_view proxy : {"ProxyEngine", "ProxyRole"})
            if (const auto* const line = server_.last(proxy))
                it_.tell(*line, mapped, "a listener with a pool");
        made_.settings.set("bind", Value::texts(binds));
        made_.settings.set("pool", Value::text(pool));
        ports();
        translate_tls(it_, server_, made_);
        timeouts();
        limits();
        texts();
        translate_limits(it_, server_, made_);
        it_.draft.listeners.push_back(std::move(made_));
    }

private:
    std::vector<string> addresses() {
        const auto* const line = server_.last("Port");
        const auto port =
            line == nullptr ? std::optional(ftp_port) : base::parse_port(line->word(0));
        if (!port) {
            it_.tell(*line, unsupported, "this is no port");
            return {};
        }
        if (line != nullptr)
            it_.tell(*line, *port == 0 ? not_needed : mapped,
                     *port == 0 ? "the server listens nowhere" : "bind");
        if (*port == 0) return {};
        std::vector<string> binds;
        for (const auto& address : server_.addresses) {
            const auto ip = base::Ip::parse(address);
            if (ip)
                binds.push_back(base::to_string(base::Address{*ip, *port}));
            else
                it_.ledger.add(server_.place, "address " + address, unsupported,
                               "a listener needs addresses: write the one that the name has");
        }
        if (const auto* const address = server_.last("DefaultAddress");
            address != nullptr && !binds.empty())
            it_.tell(*address, mapped, "bind");
        if (!server_.addresses.empty()) return binds;
        binds.push_back(fmt::format("0.0.0.0:{}", *port));
        const auto* const ipv6 = server_.last("UseIPv6");
        if (ipv6 == nullptr) return binds;
        if (is_on(ipv6->word(0))) binds.push_back(fmt::format("[::]:{}", *port));
        it_.tell(*ipv6, mapped, "bind");
        return binds;
    }

    void ports() {
        const auto* const line = server_.last("PassivePorts");
        if (line == nullptr) {
            it_.ledger.add(server_.place, "(no PassivePorts)", approximated,
                           "clients get 20000-20099, which firewalls must let through");
        } else if (const auto range = base::PortRange::parse(line->word(0) + '-' + line->word(1))) {
            it_.set(made_.settings, "passive_ports", Value::text(base::to_string(*range)), *line,
                    "passive_ports");
        } else {
            it_.tell(*line, unsupported, "this is no range of ports");
        }
        if (const auto* const address = server_.last("MasqueradeAddress"))
            it_.set(made_.settings, "public_address", Value::text(address->word(0)), *address,
                    "public_address");
        const auto* const foreign = server_.last("AllowForeignAddress");
        if (foreign == nullptr) return;
        const bool is_off = is_same_but_for_case(foreign->word(0), "off");
        if (is_off) return it_.tell(*foreign, mapped, "allow_fxp = false is the default");
        it_.set(made_.settings, "allow_fxp", Value::flag(true), *foreign,
                is_on(foreign->word(0))
                    ? "allow_fxp; data_peer says who may connect to passive ports"
                    : "allow_fxp is for everybody, not for a class",
                approximated);
    }

    void timeouts() {
        it_.set_time(made_.settings, "idle_timeout", server_, "TimeoutIdle");
        it_.set_time(made_.settings, "login_timeout", server_, "TimeoutLogin");
        it_.set_time(made_.settings, "data_stall_timeout", server_, "TimeoutStalled");
    }

    void limits() {
        it_.set_number(made_.settings, "max_sessions", server_, "MaxClients", "max_sessions");
        it_.set_number(made_.settings, "login_attempts", server_, "MaxLoginAttempts",
                       "login_attempts");
        if (const auto* const line = server_.last("CommandBufferSize"))
            if (const auto bytes = base::parse_number<std::uint32_t>(line->word(0))) {
                constexpr std::uint32_t least = 512;
                constexpr std::uint32_t most = 65536;
                it_.set(made_.settings, "command_bytes_max",
                        Value::size(std::clamp(*bytes, least, most)), *line, "command_bytes_max");
            }
        if (const auto* const line = server_.last("TransferRate")) transfer_rate(*line);
        if (const auto* const line = server_.last("MaxCommandRate"))
            if (const auto count = base::parse_number<std::uint32_t>(line->word(0)))
                it_.set(made_.settings, "command_rate", Value::number(std::max(*count, 1U)), *line,
                        "command_rate, in a second", approximated);
    }

    /// "RETR,STOR 100.5:1024": kilobytes in a second, after so many bytes.
    void transfer_rate(const Directive& line) {
        string_view rate = line.word(1);
        rate = rate.substr(0, rate.find_first_of(".:"));
        const auto kilobytes = base::parse_number<std::uint32_t>(rate);
        if (!kilobytes || *kilobytes == 0)
            return it_.tell(line, unsupported, "session_bandwidth needs a number of bytes");
        constexpr std::size_t kib = 1024;
        it_.set(made_.settings, "session_bandwidth", Value::size(*kilobytes * kib), line,
                "session_bandwidth, of uploads and downloads", approximated);
    }

    void texts() {
        const auto* const ident = server_.last("ServerIdent");
        if (ident == nullptr) return;
        constexpr std::size_t most = 500;
        const auto& text = ident->word(1);
        if (!is_on(ident->word(0)) || text.empty() || text.size() > most || text.contains('%'))
            return it_.tell(*ident, is_on(ident->word(0)) ? approximated : mapped,
                            "greeting: Ballast's own tells nothing about servers");
        it_.set(made_.settings, "greeting", Value::text(text), *ident, "greeting");
    }

    Translation& it_;
    const Server& server_;
    DraftListener made_;
};

void log(Translation& it, const Server& server) {
    if (const auto* const line = server.last("TransferLog")) {
        if (is_same_but_for_case(line->word(0), "none"))
            it.tell(*line, mapped, "no transfer log is the default");
        else
            it.set(it.draft.transfer_log, "xferlog", Value::text(line->word(0)), *line,
                   "xferlog of [transfer_log], for all listeners");
    }
    if (const auto* const line = server.last("SystemLog"))
        it.tell(*line, approximated, "the log goes to the journal, or to `file` in [log]");
    if (const auto* const line = server.last("SyslogFacility")) {
        const auto facility = base::lower(line->word(0));
        const bool is_known = is_facility(facility);
        it.set(
            it.draft.log, "facility", Value::text(is_known ? facility : "daemon"), *line,
            is_known ? "facility of [log]" : "facility of [log]: there is no such one, so daemon",
            is_known ? mapped : approximated);
    }
    if (const auto* const line = server.last("SyslogLevel")) {
        const auto level = base::lower(line->word(0));
        it.set(it.draft.log, "level", Value::text(level_of(level)), *line, "level of [log]");
    }
}

}  // namespace

void translate_listener(Translation& it, const Server& server) { ListenerMaker(it, server).run(); }

void translate_process(Translation& it, const Server& server) {
    log(it, server);
    auto& limits = it.draft.limits;
    it.set_number(limits, "sessions", server, "MaxInstances", "limits.sessions");
    it.set_number(limits, "session_rate", server, "MaxConnectionRate", "limits.session_rate");
    if (!server.is_reverse_proxy()) return;
    it.set_number(limits, "sessions_per_address", server, "MaxConnectionsPerHost",
                  "limits.sessions_per_address, of all listeners together");
    it.set_number(limits, "sessions_per_address", server, "MaxClientsPerHost",
                  "limits.sessions_per_address, of all listeners together");
    it.set_number(limits, "sessions_per_user", server, "MaxClientsPerUser",
                  "limits.sessions_per_user");
}

}  // namespace ballast::migrate::proftpd
