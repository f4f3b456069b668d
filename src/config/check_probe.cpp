// SPDX-License-Identifier: Apache-2.0
#include "config/check_probe.h"

#include "config/amount.h"
#include "config/words.h"

#include <fmt/format.h>
#include <string>
#include <string_view>

namespace ballast::config {

namespace {

class ProbeCheck {
public:
    ProbeCheck(const Pool& pool, Findings findings)
        : probe_(pool.probe), table_(pool.where.key + ".probe"), findings_(findings) {}

    void run() {
        if (!findings_.holds(table_)) return;
        if (findings_.holds(key("type"))) {
            needs_of_type();
            idle_with_type();
        }
        if (!probe_.canary_sha256.empty() && probe_.canary.empty() &&
            findings_.holds(key("canary")))
            findings_.add(key("canary_sha256"), "canary_sha256 has no effect without canary",
                          "add canary, the file with this digest, or remove canary_sha256");
        if (probe_.fast_interval && *probe_.fast_interval > probe_.interval &&
            findings_.holds(key("interval")))
            findings_.add(key("fast_interval"), "fast_interval is longer than interval",
                          fmt::format("use at most \"{}\"", duration_text(probe_.interval)));
    }

private:
    [[nodiscard]] std::string key(std::string_view name) const {
        return fmt::format("{}.{}", table_, name);
    }

    void needs_of_type() {
        if (probe_.type == ProbeType::login) {
            needs(probe_.user, "user", "probe");
            needs(probe_.password_file, "password_file", "/etc/ballast/probe.secret");
        }
        if (probe_.type == ProbeType::script) needs(probe_.script, "script", "/etc/ballast/probe");
    }

    void needs(const std::string& value, std::string_view name, std::string_view example) {
        if (value.empty() && findings_.holds(key(name)))
            findings_.add(
                key(name),
                fmt::format("a {} probe needs {}", word_of(probe_types, probe_.type), name),
                fmt::format("add {} = \"{}\"", name, example));
    }

    void idle_with_type() {
        if (probe_.type != ProbeType::login) {
            const std::string_view only = "\"login\"";
            idle(probe_.pwd, "pwd", only);
            idle(!probe_.list.empty(), "list", only);
            idle(!probe_.canary.empty(), "canary", only);
            idle(probe_.quiet, "quiet", only);
        }
        if (probe_.type != ProbeType::script) idle(!probe_.script.empty(), "script", "\"script\"");
        if (probe_.type == ProbeType::none || probe_.type == ProbeType::script)
            idle(probe_.proxy != ProxyHeader::off, "proxy", "\"tcp\", \"banner\" or \"login\"");
    }

    void idle(bool is_set, std::string_view name, std::string_view types) {
        if (is_set)
            findings_.add(key(name),
                          fmt::format("{} has no effect with type \"{}\"", name,
                                      word_of(probe_types, probe_.type)),
                          fmt::format("use type = {}, or remove {}", types, name));
    }

    const Probe& probe_;
    const std::string table_;
    Findings findings_;
};

}  // namespace

void check_probe(const Pool& pool, Findings findings) { ProbeCheck(pool, findings).run(); }

}  // namespace ballast::config
