// SPDX-License-Identifier: Apache-2.0
#include "migrate/golden.h"
#include "migrate/haproxy_file.h"
#include "migrate/haproxy_parameters.h"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate::haproxy {
namespace {

/// What the corpus must contain: as the beginning of a line, or as a word in it.
constexpr std::string_view directives[] = {
    // Sections.
    "global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "mailers",
    "userlist", "ring", "log-forward", "cache", "program", "http-errors", "fcgi-app", "traces",
    "crt-store", "acme", "healthcheck", "log-profile",
    // Conditions and messages.
    ".if", ".elif", ".else", ".endif", ".notice", ".warning", ".alert", ".diag", "setenv",
    "presetenv", "unsetenv", "resetenv",
    // Global.
    "maxconn", "nbthread", "cpu-map", "ulimit-n", "stats socket", "stats timeout", "log", "log-tag",
    "log-send-hostname", "chroot", "user", "group", "uid", "gid", "daemon", "pidfile",
    "master-worker", "hard-stop-after", "grace", "close-spread-time", "spread-checks",
    "max-spread-checks", "server-state-file", "server-state-base", "external-check",
    "insecure-fork-wanted", "tune.bufsize", "tune.maxaccept", "tune.ssl.cachesize",
    "ssl-default-bind-ciphers", "ssl-default-bind-ciphersuites", "ssl-default-bind-options",
    "ssl-default-server-ciphers", "ssl-default-server-ciphersuites", "ssl-default-server-options",
    "ca-base", "crt-base", "ssl-server-verify",
    // Proxies.
    "mode tcp", "mode http", "bind", "backlog", "default_backend", "use_backend", "use-server",
    "acl", "balance roundrobin", "balance static-rr", "balance leastconn", "balance first",
    "balance hash", "balance source", "balance random", "balance rdp-cookie", "hash-type",
    "hash-balance-factor", "hash-preserve-affinity", "retries", "option redispatch",
    "timeout connect", "timeout client", "timeout server", "timeout tunnel", "timeout client-fin",
    "timeout server-fin", "timeout queue", "timeout check", "timeout client-hs", "fullconn",
    "option tcp-check", "option external-check", "option smtpchk", "option ssl-hello-chk",
    "tcp-check connect", "tcp-check send", "tcp-check send-lf", "tcp-check send-binary",
    "tcp-check comment", "tcp-check set-var(check.x)", "tcp-check expect", "external-check command",
    "external-check path", "option log-health-checks", "option allbackups", "option tcpka",
    "option clitcpka", "option srvtcpka", "clitcpka-cnt", "clitcpka-idle", "clitcpka-intvl",
    "srvtcpka-cnt", "srvtcpka-idle", "srvtcpka-intvl", "option tcplog", "log-format",
    "error-log-format", "option dontlognull", "log global", "option splice-auto",
    "option splice-request", "option splice-response", "option abortonclose", "option persist",
    "force-persist", "ignore-persist", "stick-table", "stick on", "stick match",
    "stick store-request", "stick store-response", "source", "rate-limit sessions",
    "tcp-request connection", "tcp-request session", "tcp-request content",
    "tcp-request inspect-delay", "filter bwlim-in", "filter bwlim-out", "email-alert from",
    "email-alert to", "email-alert mailers", "email-alert level", "email-alert myhostname",
    "disabled", "enabled", "description", "id", "guid", "stats enable", "stats uri", "stats realm",
    "stats auth", "stats refresh", "stats admin", "stats hide-version",
    "load-server-state-from-file", "server-template", "default-server", "no option",
    "default option", "log-steps", "option use-small-buffers",
    // Peers, resolvers and mailers.
    "peer", "server", "nameserver", "accepted_payload_size", "resolve_retries", "timeout resolve",
    "timeout retry", "hold valid", "hold obsolete", "hold nx", "hold refused", "hold timeout",
    "hold other", "parse-resolv-conf", "mailer", "timeout mail"};

/// Words inside lines: of rules, tables and of parameters that the tables do not list.
constexpr std::string_view words[] = {"accept",
                                      "reject",
                                      "silent-drop",
                                      "track-sc0",
                                      "expect-proxy",
                                      "set-src",
                                      "set-var(sess.a)",
                                      "set-bandwidth-limit",
                                      "do-resolve(txn.ip,dns,ipv4)",
                                      "send-spoe-group",
                                      "use-service",
                                      "src",
                                      "dst_port",
                                      "nbsrv(main)",
                                      "fe_conn",
                                      "sc0_conn_rate",
                                      "ssl_fc_sni",
                                      "req.len",
                                      "-i",
                                      "-f",
                                      "-m",
                                      "unless",
                                      "or",
                                      "size",
                                      "expire",
                                      "nopurge",
                                      "store",
                                      "table",
                                      "string",
                                      "ip",
                                      "ipv6",
                                      "min-recv",
                                      "ok-status",
                                      "error-status",
                                      "tout-status",
                                      "rstring",
                                      "rbinary",
                                      "binary",
                                      "!",
                                      "usesrc",
                                      "no-check",
                                      "sdbm",
                                      "djb2",
                                      "wt6",
                                      "avalanche",
                                      "consistent",
                                      "map-based",
                                      "level",
                                      "ssl-min-ver",
                                      "no-tls-tickets",
                                      "len",
                                      "format"};

std::vector<Line> lines_of_corpus() {
    std::vector<Line> lines;
    for (const auto& file : golden::files("haproxy", ".cfg")) {
        std::istringstream text(golden::content(file));
        for (std::string line; std::getline(text, line);) {
            auto split = split_words(line, [](const std::string&) { return "x"; });
            EXPECT_TRUE(split) << line;
            if (split && !split->words.empty()) lines.push_back({0, std::move(split->words)});
        }
    }
    return lines;
}

bool begins(const Line& line, std::string_view directive) {
    return (joined(line.words) + ' ').starts_with(std::string(directive) + ' ');
}

TEST(HaproxyDirectives, OccurInTheCorpus) {
    const auto lines = lines_of_corpus();
    for (const auto directive : directives)
        EXPECT_TRUE(std::ranges::any_of(lines, [&](const Line& line) {
            return begins(line, directive);
        })) << directive;
    std::set<std::string, std::less<>> all;
    for (const auto& line : lines) all.insert(line.words.begin(), line.words.end());
    for (const auto word : words) EXPECT_TRUE(all.contains(word)) << word;
}

/// Those of importing that have values which matter; the rest of the table is for rare ones.
TEST(HaproxyDirectives, ParametersOccurInTheCorpus) {
    std::set<std::string, std::less<>> given;
    for (const auto& line : lines_of_corpus()) {
        const bool is_bind = line.words.front() == "bind";
        const auto known = is_bind ? bind_parameters() : server_parameters();
        for (const auto& each : read_parameters(line, 1, known)) given.insert(each.name);
    }
    for (const auto name : {"check",
                            "inter",
                            "fastinter",
                            "downinter",
                            "rise",
                            "fall",
                            "init-state",
                            "addr",
                            "port",
                            "check-ssl",
                            "check-sni",
                            "check-send-proxy",
                            "check-via-socks4",
                            "check-reuse-pool",
                            "agent-check",
                            "agent-port",
                            "agent-addr",
                            "agent-inter",
                            "agent-send",
                            "observe",
                            "error-limit",
                            "on-error",
                            "weight",
                            "backup",
                            "maxconn",
                            "minconn",
                            "maxqueue",
                            "slowstart",
                            "disabled",
                            "cookie",
                            "track",
                            "on-marked-down",
                            "on-marked-up",
                            "send-proxy",
                            "send-proxy-v2",
                            "send-proxy-v2-ssl",
                            "send-proxy-v2-ssl-cn",
                            "proxy-v2-options",
                            "source",
                            "usesrc",
                            "ssl",
                            "verify",
                            "verifyhost",
                            "ca-file",
                            "crl-file",
                            "crt",
                            "sni",
                            "alpn",
                            "ciphers",
                            "ciphersuites",
                            "ssl-min-ver",
                            "ssl-max-ver",
                            "no-ssl-reuse",
                            "no-tls-tickets",
                            "resolvers",
                            "resolve-prefer",
                            "resolve-opts",
                            "init-addr",
                            "tcp-ut",
                            "tfo",
                            "namespace",
                            "socks4",
                            "id",
                            "guid",
                            "ws",
                            "proto",
                            "pool-max-conn",
                            "redir",
                            "accept-proxy",
                            "accept-netscaler-cip",
                            "crt-list",
                            "curves",
                            "strict-sni",
                            "tls-ticket-keys",
                            "allow-0rtt",
                            "ca-ignore-err",
                            "crt-ignore-err",
                            "default-crt",
                            "ktls",
                            "transparent",
                            "interface",
                            "v4v6",
                            "v6only",
                            "mss",
                            "defer-accept",
                            "backlog",
                            "nice",
                            "name",
                            "shards",
                            "thread",
                            "process",
                            "user",
                            "group",
                            "mode",
                            "uid",
                            "gid",
                            "level",
                            "hash-key",
                            "strict-maxconn",
                            "idle-ping",
                            "sni-auto",
                            "check-sni-auto",
                            "tcp-md5sig",
                            "cc"})
        EXPECT_TRUE(given.contains(name)) << name;
}

}  // namespace
}  // namespace ballast::migrate::haproxy
