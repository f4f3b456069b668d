// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy.h"

#include "config/load.h"
#include "demand.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

using namespace ballast::migrate;

/// Any bytes give errors, each with its cure, or a configuration and a report. The configuration is
/// valid, or the report says what has to be changed by hand.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Source source{.file = "haproxy.cfg", .text = std::string(data, data + size)};
    source.machine.variable = [](const std::string& name) -> std::optional<std::string> {
        if (name.size() > 3) return std::nullopt;
        return name + " 21";
    };
    if (size % 2 == 1) source.certificate = "/etc/ballast/ftp.pem";
    const Importer importer{.name = "haproxy", .summary = "", .read = import_haproxy};
    const auto done = run(importer, source);
    if (!done) {
        demand(!done.error().empty());
        for (const auto& error : done.error()) demand(!error.what.empty() && !error.fix.empty());
        return 0;
    }
    for (const auto& entry : done->report.sorted()) demand(!entry.text.empty());
    const auto [config, problems] = ballast::config::read(done->configuration);
    demand((config && !ballast::config::has_errors(problems)) ||
           done->report.count(Outcome::unsupported) > 0);
    return 0;
}
