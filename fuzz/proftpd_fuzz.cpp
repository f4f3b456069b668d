// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd.h"

#include "config/load.h"
#include "demand.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace ballast::migrate;

/// What follows the first NUL is the content of every file that the first part includes. Any bytes
/// give errors, each with its cure, or a configuration and a report. The configuration is valid, or
/// the report says what has to be changed by hand.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string all(data, data + size);
    const auto end = std::min(all.find('\0'), all.size());
    Source source{.file = "/etc/proftpd.conf", .text = all.substr(0, end)};
    source.machine.read_file = [&](const std::string&) -> ballast::base::Result<std::string> {
        return end == all.size() ? "" : all.substr(end + 1);
    };
    source.machine.files_like = [](const std::string& pattern) {
        return std::vector<std::string>(pattern.size() % 4, "/etc/a.conf");
    };
    source.machine.variable = [](const std::string& name) {
        return name.empty() ? std::nullopt : std::optional<std::string>(name);
    };
    const Importer importer{.name = "proftpd", .summary = "", .read = import_proftpd};
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
