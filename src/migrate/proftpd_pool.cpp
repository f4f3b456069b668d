// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"
#include "base/ascii.h"
#include "base/port_range.h"
#include "migrate/proftpd_backends.h"
#include "migrate/proftpd_translation.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <set>
#include <utility>
#include <vector>

namespace ballast::migrate::proftpd {

namespace {

using base::is_same_but_for_case;
using std::string;
using std::string_view;
using enum Outcome;

constexpr std::uint16_t implicit_port = 990;

struct Policy {
    string_view name;
    string_view balance;
    Outcome outcome;
    string_view text;
};
constexpr auto policies = std::to_array<Policy>({
    {"RoundRobin", "round-robin", mapped, ""},
    {"Random", "random", approximated, ": the less busy of two that are drawn"},
    {"Shuffle", "round-robin", approximated, ": each server once, in the order of the file"},
    {"LeastConns", "least-sessions", mapped, ""},
    {"LeastResponseTime", "fastest", mapped, ""},
    {"PerUser", "user-hash", mapped, ""},
    {"PerHost", "source-hash", mapped, ""},
    {"PerGroup", "user-hash", unsupported,
     ": Ballast does not know groups; a route with `user` leads users to a pool"},
});

struct DataWay {
    string_view policy;
    string_view backend_data;  ///< empty: the default
};
constexpr auto data_ways = std::to_array<DataWay>({
    {"client", ""},
    {"passive", "pasv"},
    {"pasv", "pasv"},
    {"epsv", "epsv"},
    {"active", "port"},
    {"port", "port"},
    {"eprt", "eprt"},
});

class PoolMaker {
public:
    PoolMaker(Translation& it, const Server& server) : it_(it), server_(server) {}

    string run(const string& wanted_name) {
        for (const auto* const line : server_.all("ProxyReverseServers"))
            for (const auto& word : line->words) servers_of(*line, word);
        if (pool_.backends.empty()) return {};
        pool_.name = it_.pool_names.make(wanted_name, "pool");
        balance();
        it_.set_time(pool_.settings, "connect_timeout", server_, "ProxyTimeoutConnect");
        it_.set_time(pool_.settings, "final_reply_timeout", server_, "ProxyTimeoutLinger");
        tls();
        data();
        options();
        source();
        pool_.probe.set(
            "type", Value::text("banner"),
            "mod_proxy had no checks. Better still: type = \"login\" with an account of its "
            "own");
        if (const auto* const sends = pool_.settings.find("send_proxy"))
            pool_.probe.set("proxy", sends->value, "as sessions do");
        it_.draft.pools.push_back(std::move(pool_));
        return it_.draft.pools.back().name;
    }

private:
    void servers_of(const Directive& line, const string& word) {
        if (word.starts_with("sql:"))
            return it_.tell(
                line, unsupported,
                "Ballast asks no database: routes lead users to pools, and backends_file "
                "names a file with backends that may change");
        if (word.starts_with("file:")) return file(line, word.substr(5));
        url(line, word);
    }

    void file(const Directive& line, const string& path) {
        if (path.contains('%'))
            return it_.tell(
                line, unsupported,
                "there is no file for each user: routes with `user` lead users to pools");
        const auto content = it_.source.machine.read_file(path);
        if (!content) return it_.tell(line, unsupported, base::to_string(content.error()));
        const auto urls = parse_json_list(*content);
        if (!urls) return it_.tell(line, unsupported, urls.error());
        for (const auto& each : *urls) url(line, each);
        it_.tell(line, approximated,
                 "the backends of the file; to change them while Ballast runs, write them into a "
                 "backends_file");
    }

    void url(const Directive& line, const string& text) {
        const auto parsed = parse_url(text);
        if (!parsed)
            return it_.ledger.add(line.place, "ProxyReverseServers " + text, unsupported,
                                  parsed.error());
        const auto address =
            parsed->is_srv ? parsed->host : fmt::format("{}:{}", host_of(*parsed), parsed->port);
        if (!known_.insert(address).second)
            return it_.ledger.add(line.place, "ProxyReverseServers " + text, not_needed,
                                  "it is named twice");
        DraftBackend backend;
        backend.name = names_.make(parsed->host, "backend");
        backend.settings.note(Translation::origin(line));
        backend.settings.set(parsed->is_srv ? "srv" : "address", Value::text(address));
        has_tls_.push_back(parsed->has_tls);
        is_implicit_.push_back(parsed->port == implicit_port);
        it_.ledger.add(line.place, "ProxyReverseServers " + text, mapped,
                       fmt::format("the backend {}", backend.name));
        pool_.backends.push_back(std::move(backend));
    }

    static string host_of(const BackendUrl& url) {
        const auto ip = base::Ip::parse(url.host);
        return ip && !ip->is_v4() ? '[' + base::to_string(*ip) + ']'
               : ip               ? base::to_string(*ip)
                                  : url.host;
    }

    void balance() {
        const auto* const line = server_.last("ProxyReverseConnectPolicy");
        if (line == nullptr) {
            pool_.settings.set("balance", Value::text("round-robin"), "mod_proxy's default");
            return;
        }
        const auto* const known = std::ranges::find_if(policies, [&](const Policy& policy) {
            return is_same_but_for_case(policy.name, line->word(0));
        });
        if (known == policies.end())
            return it_.tell(*line, unsupported, "unknown policy: see `balance`");
        it_.set(pool_.settings, "balance", Value::text(known->balance), *line,
                fmt::format("balance = \"{}\"{}", known->balance, known->text), known->outcome);
        if (known->balance.ends_with("-hash"))
            pool_.settings.set("hash_load_percent", Value::number(0),
                               "as mod_proxy: always the same server, however busy it is");
    }

    void data() {
        if (const auto* const line = server_.last("ProxyDirectoryListPolicy")) {
            const bool is_client = is_same_but_for_case(line->word(0), "client");
            it_.tell(*line, is_client ? mapped : unsupported,
                     is_client
                         ? "the client's own command is passed on"
                         : "listings pass as the servers make them; FEAT names MLST only if they "
                           "have it");
        }
        direct();
        const auto* const line = server_.last("ProxyDataTransferPolicy");
        if (line == nullptr) return;
        if (pool_.settings.find("data") != nullptr)
            return it_.tell(*line, not_needed,
                            "with data = \"direct\" the server gets the client's own command");
        const auto* const known = std::ranges::find_if(data_ways, [&](const DataWay& way) {
            return is_same_but_for_case(way.policy, line->word(0));
        });
        if (known == data_ways.end())
            return it_.tell(*line, unsupported, "unknown policy: see `backend_data`");
        if (known->backend_data.empty())
            return it_.tell(*line, approximated,
                            "backend_data = \"auto\": EPSV or PASV, whatever the client uses");
        const bool is_active = known->backend_data == "port" || known->backend_data == "eprt";
        it_.set(
            pool_.settings, "backend_data", Value::text(known->backend_data), *line,
            fmt::format("backend_data = \"{}\"{}", known->backend_data,
                        is_active ? ": the servers connect to data_ports, which firewalls must let "
                                    "through"
                                  : ""),
            is_active ? approximated : mapped);
        if (is_active)
            pool_.settings.set("data_ports", Value::text(base::to_string(unused_ports())),
                               "the ports that the servers connect to");
    }

    /// Data past the proxy, which Ballast has for plain FTP.
    void direct() {
        constexpr string_view name = "UseDirectDataTransfers";
        const auto* const line = server_.with_word("ProxyOptions", name);
        if (line == nullptr) return;
        const auto directive = fmt::format("ProxyOptions {}", name);
        const bool is_tls_in_front = server_.is_on("TLSEngine");
        const bool is_tls_behind =
            !pool_.tls.empty() || std::ranges::any_of(pool_.backends, [](const auto& backend) {
                return !backend.tls.empty();
            });
        if (is_tls_in_front || is_tls_behind)
            return it_.ledger.add(
                line->place, directive, unsupported,
                fmt::format("all data pass through Ballast: data = \"direct\" cannot be had with "
                            "TLS {}",
                            is_tls_in_front ? "towards clients" : "towards servers"));
        pool_.settings.set("data", Value::text("direct"), Translation::origin(*line));
        it_.ledger.add(
            line->place, directive, approximated,
            "data = \"direct\", see docs/data-modes.md. EPSV is refused, so clients use PASV; "
            "data_address names a server's address for them, if it does not say the right one");
    }

    /// That no listener of the file has, the same for each pool.
    [[nodiscard]] base::PortRange unused_ports() {
        if (it_.data_ports) return *it_.data_ports;
        constexpr std::uint16_t count = 100;
        std::vector<base::PortRange> used{{20000, 20099}};
        for (const auto& server : it_.servers.all)
            for (const auto* const line : server.all("PassivePorts"))
                if (const auto range = base::PortRange::parse(line->word(0) + '-' + line->word(1)))
                    used.push_back(*range);
        base::PortRange wanted{30000, 30000 + count - 1};
        const auto is_taken = [&](const base::PortRange& range) { return range.overlaps(wanted); };
        while (std::ranges::any_of(used, is_taken) && wanted.last < UINT16_MAX - count) {
            wanted.first += count;
            wanted.last += count;
        }
        it_.data_ports = wanted;
        return wanted;
    }

    void options() {
        const auto option = [&](string_view name, Outcome outcome, string_view text) {
            const auto* const line = server_.with_word("ProxyOptions", name);
            if (line != nullptr)
                it_.ledger.add(line->place, fmt::format("ProxyOptions {}", name), outcome, text);
            return line;
        };
        if (const auto* const line = option("AllowForeignAddress", mapped, "trust_pasv_address"))
            pool_.settings.set("trust_pasv_address", Value::flag(true), Translation::origin(*line));
        if (option("IgnoreForeignAddress", mapped, "the default of trust_pasv_address") != nullptr)
            pool_.settings.remove("trust_pasv_address");
        option("ShowFeatures", mapped, "FEAT has what all servers offer");
        option("UseReverseProxyAuth", unsupported, "the servers check names and passwords");
        for (const string_view version : {"v1", "v2"})
            if (const auto* const line =
                    option(version == "v1" ? "UseProxyProtocolV1" : "UseProxyProtocolV2", mapped,
                           fmt::format("send_proxy = \"{}\"", version)))
                pool_.settings.set("send_proxy", Value::text(version), Translation::origin(*line));
        option("UseProxyProtocolV2TLVs", mapped, "send_proxy = \"v2\" has them");
        constexpr auto all = std::to_array<string_view>(
            {"AllowForeignAddress", "IgnoreForeignAddress", "ShowFeatures",
             "UseDirectDataTransfers", "UseReverseProxyAuth", "UseProxyProtocolV1",
             "UseProxyProtocolV2", "UseProxyProtocolV2TLVs"});
        for (const auto* const line : server_.all("ProxyOptions"))
            for (const auto& word : line->words)
                if (std::ranges::none_of(
                        all, [&](string_view name) { return is_same_but_for_case(name, word); }))
                    it_.ledger.add(line->place, "ProxyOptions " + word, unsupported,
                                   "unknown option");
    }

    void source() {
        const auto* const line = server_.last("ProxySourceAddress");
        if (line == nullptr) return;
        const auto ip = base::Ip::parse(base::trimmed(line->word(0), "[]"));
        if (!ip || ip->is_any())
            return it_.tell(*line, ip ? not_needed : unsupported,
                            ip ? "the system chooses the address"
                               : "`source` takes addresses: write those of this name or device");
        const auto address = base::to_string(*ip);
        it_.set(pool_.settings, "source", Value::text(address), *line,
                fmt::format("source = \"{}\"", address));
    }

    // TLS.

    /// What ProxyTLSEngine means for a server without a scheme of its own.
    [[nodiscard]] string_view engine() {
        const auto* const line = server_.last("ProxyTLSEngine");
        const auto word = line == nullptr ? "auto" : base::lower(line->word(0));
        if (word == "matchclient") {
            it_.tell(*line, mapped, "tls.mode = \"as-client\"");
            return "as-client";
        }
        if (line != nullptr && word == "auto")
            it_.tell(
                *line, approximated,
                "tls.mode = \"explicit\": a server without TLS needs tls = { mode = \"off\" }");
        else if (line != nullptr)
            it_.tell(*line, mapped, is_on(word) ? "tls.mode = \"explicit\"" : "tls.mode = \"off\"");
        // Without a word about TLS in the file, no server is likely to have it.
        const bool is_auto = word == "auto" && (line != nullptr || server_.is_on("TLSEngine"));
        if (line == nullptr)
            it_.ledger.add(
                server_.place, "(no ProxyTLSEngine)", approximated,
                is_auto ? "tls.mode = \"explicit\": mod_proxy uses TLS where a server has it; a "
                          "server without TLS needs tls = { mode = \"off\" }"
                        : "no TLS towards the servers: mod_proxy uses TLS where a server has it; a "
                          "server with TLS needs tls = { mode = \"explicit\" }");
        return is_on(word) || is_auto ? "explicit" : "off";
    }

    void tls() {
        const auto usual = engine();
        std::vector<string_view> modes;
        for (std::size_t i = 0; i < pool_.backends.size(); ++i) {
            const auto wanted = has_tls_[i] && usual == "off" ? "explicit" : usual;
            modes.push_back(is_implicit_[i] && (has_tls_[i] || wanted != "off") ? "implicit"
                                                                                : wanted);
        }
        if (std::ranges::all_of(modes, [](string_view mode) { return mode == "off"; })) return;
        details();
        const bool is_same = std::ranges::count(modes, modes.front()) == std::ssize(modes);
        if (is_same) {
            pool_.tls = with_mode(modes.front());
            return;
        }
        for (std::size_t i = 0; i < modes.size(); ++i)
            if (modes[i] != "off") pool_.backends[i].tls = with_mode(modes[i]);
    }

    [[nodiscard]] Settings with_mode(string_view mode) const {
        Settings settings;
        settings.set("mode", Value::text(mode));
        for (const auto& each : tls_.all()) settings.set(each.key, each.value, each.why);
        return settings;
    }

    void details() {
        const auto* const verify = server_.last("ProxyTLSVerifyServer");
        if (verify != nullptr)
            it_.set(tls_, "verify", Value::text(is_on(verify->word(0)) ? "full" : "none"), *verify,
                    is_on(verify->word(0)) ? "tls.verify = \"full\"" : "tls.verify = \"none\"");
        else
            tls_.set("verify", Value::text("full"), "mod_proxy's default");
        file_of("ProxyTLSCACertificateFile", "ca");
        file_of("ProxyTLSCertificateFile", "certificate");
        file_of("ProxyTLSCertificateKeyFile", "key");
        if (const auto* const line = server_.last("ProxyTLSProtocol"))
            translate_versions(it_, *line, tls_);
        for (const auto* const line : server_.all("ProxyTLSCipherSuite"))
            translate_ciphers(it_, *line, tls_);
        it_.set_time(tls_, "handshake_timeout", server_, "ProxyTLSTimeoutHandshake");
        protection();
        for (const auto* const line : server_.all("ProxyTLSOptions")) {
            const bool is_weak = server_.with_word("ProxyTLSOptions", "AllowWeakSecurity") == line;
            it_.tell(*line, is_weak ? unsupported : not_needed,
                     is_weak ? "write @SECLEVEL=0 into `ciphers` if a server needs it"
                             : "Ballast resumes TLS sessions on data connections by itself");
        }
    }

    void file_of(string_view directive, string_view key) {
        if (const auto* const line = server_.last(directive))
            it_.set(tls_, key, Value::text(line->word(0)), *line, fmt::format("tls.{}", key));
    }

    void protection() {
        const auto* const line = server_.last("ProxyTLSTransferProtectionPolicy");
        const auto word = line == nullptr ? "required" : base::lower(line->word(0));
        const auto data = word == "client" ? "as-client" : word == "clear" ? "never" : "always";
        if (line != nullptr)
            it_.set(tls_, "data", Value::text(data), *line, fmt::format("tls.data = \"{}\"", data));
        else
            tls_.set("data", Value::text(data), "mod_proxy's default");
    }

    Translation& it_;
    const Server& server_;
    DraftPool pool_;
    Settings tls_;  // of those that have it, but for the mode
    Names names_;
    std::set<string> known_;
    std::vector<bool> has_tls_;
    std::vector<bool> is_implicit_;
};

}  // namespace

string translate_pool(Translation& it, const Server& server, const string& wanted_name) {
    return PoolMaker(it, server).run(wanted_name);
}

}  // namespace ballast::migrate::proftpd
