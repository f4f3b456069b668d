// SPDX-License-Identifier: Apache-2.0
#include "support/balancers.h"

#include <fmt/format.h>
#include <string>

namespace ballast::bench {

namespace {

/// All clients come from one address, as fast as they can.
constexpr std::string_view ballast_settings = R"(
workers = {threads}
limits.sessions_per_address = 0
limits.session_rate_per_address = 0
limits.login_rate = 0
limits.login_rate_per_address = 0
[log]
level = "error"
format = "text"
)";

constexpr std::string_view ballast_passage = R"(
[listener.{name}]
bind = ["127.0.0.1:{front}"]
pool = "{name}"
command_rate = 0
passive_ports = "{first_port}-{last_port}"
{tuning}
[pool.{name}]
failover = "{failover}"
probe = {{ type = "{probe}" }}
[[pool.{name}.backend]]
name = "{name}"
address = "127.0.0.1:{back}"
)";

constexpr std::string_view ballast_sealed_passage = R"(
[listener.{name}]
bind = ["127.0.0.1:{front}", "{host}:{front}"]
pool = "{name}"
mode = "passthrough"
[pool.{name}]
probe = {{ type = "none" }}
[[pool.{name}.backend]]
name = "{name}"
address = "127.0.0.1:{back}"
passive_ports = "{first_port}-{last_port}"
)";

constexpr std::string_view ballast_tls_in_front = R"(
[listener.{name}.tls]
certificate = "{certificate}"
)";

constexpr std::string_view ballast_tls_behind = R"(
[pool.{name}.tls]
mode = "explicit"
ca = "{certificate}"
verify = "full"
max_version = "{version}"
)";

std::string configuration_of(const Passage& passage, const Certificate& certificate) {
    // Several programs of this configuration run at once.
    static int made = 0;
    constexpr int ports_each = 200;
    const int first_port = 20000 + made * ports_each;
    const auto name = fmt::format("bench{}", made++);
    if (passage.passes_through)
        return fmt::format(
            ballast_sealed_passage, fmt::arg("name", name), fmt::arg("front", passage.front),
            fmt::arg("host", passage.sealed_host.text()), fmt::arg("back", passage.back),
            fmt::arg("first_port", data_ports_first), fmt::arg("last_port", data_ports_last));
    auto text = fmt::format(
        ballast_passage, fmt::arg("name", name), fmt::arg("front", passage.front),
        fmt::arg("back", passage.back),
        fmt::arg("failover", passage.has_failover ? "transfer" : "off"),
        fmt::arg("tuning", passage.is_tuned ? "begin_reply_delay = \"1ms\"" : ""),
        // A probe learns that the server reads several commands at once.
        fmt::arg("probe", passage.has_failover ? "banner" : "none"),
        fmt::arg("first_port", first_port), fmt::arg("last_port", first_port + ports_each - 1));
    const auto file = certificate.path();
    if (passage.has_tls_in_front)
        text += fmt::format(ballast_tls_in_front, fmt::arg("name", name),
                            fmt::arg("certificate", file));
    if (passage.has_tls_behind)
        text +=
            fmt::format(ballast_tls_behind, fmt::arg("name", name), fmt::arg("certificate", file),
                        fmt::arg("version", passage.version == TlsVersion::v1_2 ? "1.2" : "1.3"));
    return text;
}

}  // namespace

Child start_ballast(const TargetOptions& options, const Certificate& certificate,
                    const std::vector<Passage>& passages, std::string_view settings) {
    auto configuration = fmt::format(ballast_settings, fmt::arg("threads", options.threads));
    configuration += settings;
    for (const auto& passage : passages) configuration += configuration_of(passage, certificate);
    auto process = Child::executed("ballast", {options.ballast, "run", "-c", "@"}, configuration);
    for (const auto& passage : passages) process.wait_for_port(passage.front);
    return process;
}

}  // namespace ballast::bench
