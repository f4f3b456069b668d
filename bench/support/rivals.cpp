// SPDX-License-Identifier: Apache-2.0
#include "support/rivals.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>

namespace ballast::bench {

namespace {

constexpr std::string_view haproxy_settings = R"(
global
    nbthread {threads}
    maxconn 9000
{global}
defaults
    mode tcp
{defaults}
    timeout connect 5s
    timeout client 120s
    timeout server 120s
listen ftp
    bind {host}:{back}
    bind {host}:{first_port}-{last_port}
    server bench {server}
)";

constexpr std::string_view nginx_settings = R"(
daemon off;
worker_processes {threads};
worker_rlimit_nofile 20000;
load_module {servers}/nginx/usr/lib/nginx/modules/ngx_stream_module.so;
error_log stderr crit;
pid {scratch}/nginx.pid;
events {{ worker_connections 18000; }}
stream {{
    proxy_buffer_size 64k;
    server {{
        listen {host}:{back};
        listen {host}:{first_port}-{last_port};
        proxy_pass {server}:$server_port;
    }}
}}
)";

/// mod_proxy needs mod_tls even where there is no TLS.
constexpr std::string_view mod_proxy_settings = R"(
ModulePath {servers}/proftpd/usr/lib/proftpd
LoadModule mod_tls.c
LoadModule mod_proxy.c
ServerType standalone
ServerName bench
DefaultAddress 127.0.0.1
Port {front}
UseIPv6 off
ControlsEngine off
User {user}
Group {group}
UseReverseDNS off
WtmpLog off
TransferLog none
SystemLog none
DelayEngine off
PidFile {scratch}/proftpd.pid
ScoreboardFile {scratch}/scoreboard
ScoreboardMutex {scratch}/scoreboard.lock
PassivePorts 26000 27999
ProxyEngine on
ProxyRole reverse
ProxyTables {scratch}/tables
ProxyReverseServers ftp://127.0.0.1:{back}
ProxyTLSEngine off
)";

/// A client's data connection may come without a resumed session, as with the other targets.
constexpr std::string_view mod_proxy_tls_settings = R"(
TLSEngine on
TLSRequired off
TLSECCertificateFile {certificate}
TLSECCertificateKeyFile {certificate}
TLSOptions NoSessionReuseRequired
)";

std::string global_settings_of(HaproxyForm form) {
    switch (form) {
        case HaproxyForm::as_installed: return "";
        case HaproxyForm::large_buffers: return "    tune.bufsize 65536";
        case HaproxyForm::best: return "    maxpipes 200\n    tune.pipesize 1048576";
    }
    throw std::logic_error("an unknown form of HAProxy");
}

std::string user_name() {
    const passwd* const user = ::getpwuid(::geteuid());
    return user == nullptr ? "root" : user->pw_name;
}

std::string group_name() {
    const group* const found = ::getgrgid(::getegid());
    return found == nullptr ? "root" : found->gr_name;
}

/// What `Child::executed` does with a file in memory, for a program that wants a named one.
std::string written(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
    return path;
}

}  // namespace

Child start_haproxy(const TargetOptions& options, HaproxyForm form, std::uint16_t back, Host host,
                    Host server) {
    const std::string_view splice = "    option splice-request\n    option splice-response";
    const auto settings = fmt::format(
        haproxy_settings, fmt::arg("threads", options.threads),
        fmt::arg("global", global_settings_of(form)),
        fmt::arg("defaults", form == HaproxyForm::best ? splice : ""),
        fmt::arg("host", host.text()), fmt::arg("server", server.text()), fmt::arg("back", back),
        fmt::arg("first_port", data_ports_first), fmt::arg("last_port", data_ports_last));
    auto process = Child::executed("haproxy", {options.haproxy, "-db", "-f", "@"}, settings);
    process.wait_for_port(back, host);
    return process;
}

Child start_nginx(const TargetOptions& options, const Scratch& scratch, std::uint16_t back,
                  Host host, Host server) {
    const auto settings = fmt::format(
        nginx_settings, fmt::arg("threads", options.threads),
        fmt::arg("servers", options.servers.string()), fmt::arg("scratch", scratch.path().string()),
        fmt::arg("host", host.text()), fmt::arg("server", server.text()), fmt::arg("back", back),
        fmt::arg("first_port", data_ports_first), fmt::arg("last_port", data_ports_last));
    auto process = Child::executed("nginx", {options.nginx(), "-e", "stderr", "-c", "@"}, settings,
                                   Ending::asked);
    process.wait_for_port(back, host);
    return process;
}

Child start_mod_proxy(const TargetOptions& options, const Scratch& scratch,
                      const Certificate* certificate, std::uint16_t back, std::uint16_t front) {
    auto settings = fmt::format(mod_proxy_settings, fmt::arg("servers", options.servers.string()),
                                fmt::arg("scratch", scratch.path().string()),
                                fmt::arg("front", front), fmt::arg("back", back),
                                fmt::arg("user", user_name()), fmt::arg("group", group_name()));
    if (certificate != nullptr)
        settings += fmt::format(
            mod_proxy_tls_settings,
            fmt::arg("certificate", written(scratch.path() / "key.pem", certificate->pem())));
    std::filesystem::create_directory(scratch.path() / "tables");
    auto process = Child::executed(
        "proftpd",
        {options.proftpd(), "-n", "-q", "-c", written(scratch.path() / "proftpd.conf", settings)},
        "", Ending::asked);
    process.wait_for_port(front);
    return process;
}

}  // namespace ballast::bench
