// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"
#include "config/settings.h"

#include <fmt/format.h>
#include <iterator>

namespace ballast::config {

namespace {

constexpr std::string_view introduction = R"(# Configuration

<!-- Generated from the table of settings by `ballast manual`. Do not edit. -->

Ballast reads one TOML file, which `-c` names; without `-c` it is `/etc/ballast/ballast.toml`.

```sh
ballast check -c /etc/ballast/ballast.toml   # every problem of the file, with its place
ballast run -c /etc/ballast/ballast.toml
```

`check` starts nothing, and ends with status 1 if there is an error. `run` refuses such a file with the same lines:

```text
ballast.toml:14:10: pool.alfresco.backend[0].weight: weight is 300 (use 0 to 256)
```

`ballast schema` prints the keys, types and ranges below as a JSON Schema (draft 2020-12), for editors that check a file while it is written.

## Example

A complete file. Listeners say where clients connect, pools which servers they reach.

```toml
[listener.ftp]
bind = ["0.0.0.0:21", "[::]:21"]
pool = "alfresco"
passive_ports = "20000-20099"
public_address = { "10.0.0.0/8" = "local", default = "203.0.113.21" }

[pool.alfresco]
balance = "least-transfers"
probe = { type = "login", user = "probe", password_file = "/etc/ballast/probe.secret", interval = "5s", rise = 2, fall = 3 }

[[pool.alfresco.backend]]
name = "alf1"
address = "10.0.0.11:2121"
weight = 1

[[pool.alfresco.backend]]
name = "alf2"
address = "10.0.0.12:2121"
weight = 1
```

## How values are written

* **Durations** are a whole number and a unit, in quotes: `"500ms"`, `"5s"`, `"2m"`, `"1h"`. A bare number is refused.
* **Sizes** likewise: `"8192B"`, `"8KiB"` (1024 bytes each), `"64KB"` (1000 bytes each), `"1MiB"`, `"1MB"`, `"1GiB"`, `"1GB"`.
* **Rates** are a number with up to three decimals and a unit, in quotes: `"10/s"`, `"0.5/s"`, `"30/min"`, `"1/h"`. A bare number is per second.
* **Addresses** with a port are `"192.0.2.1:21"` or `"[2001:db8::1]:21"`.
* **Names** of listeners, pools and backends are 1 to 64 letters, digits, `-` and `_`.
* A key that is not listed here is refused, with the nearest spelling. The file has at most 1 MiB, a line at most 8 KiB.

The last column says when a change takes effect: at a *reload* (`ballast reload`, SIGHUP) for sessions from then on, or only at a *restart*, and why. Running sessions keep the settings that they began with.
)";

/// Text for a table cell. A `|` would end the cell.
std::string cell(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '|') result += '\\';
        result += c;
    }
    return result;
}

std::string row(const Setting& setting, ConstRecord defaults) {
    const auto initial = setting.required ? std::string("required")
                                          : fmt::format("`{}`", shown(setting.kind, defaults));
    return fmt::format(
        "| `{}` | {} | {} | {} | {} | {} |\n", setting.key, cell(type_of(setting.kind)),
        cell(initial), cell(range_of(setting.kind)), cell(setting.meaning),
        setting.restart_reason.empty() ? std::string("reload")
                                       : fmt::format("restart: {}", setting.restart_reason));
}

}  // namespace

std::string manual() {
    std::string text(introduction);
    for (const auto& section : all_sections()) {
        const auto header = section.path.empty() ? std::string(section.header)
                                                 : fmt::format("`{}`", section.header);
        fmt::format_to(std::back_inserter(text), "\n## {}\n\n{}\n\n", header, section.meaning);
        text += "| key | type | default | range | meaning | takes effect |\n";
        text += "| --- | --- | --- | --- | --- | --- |\n";
        for (const auto& setting : section.settings) text += row(setting, section.defaults());
    }
    return text;
}

}  // namespace ballast::config
