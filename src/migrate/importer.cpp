// SPDX-License-Identifier: Apache-2.0
#include "migrate/importer.h"

#include "config/load.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::migrate {

std::expected<Written, std::vector<SyntaxError>> run(const Importer& importer,
                                                     const Source& source) {
    auto imported = importer.read(source);
    if (!imported) return std::unexpected(std::move(imported.error()));
    Written result{written(imported->draft), std::move(imported->report),
                   std::move(imported->remainder)};
    for (const auto& problem : config::read(result.configuration).problems)
        if (problem.severity == config::Severity::error)
            result.report.add({source.file, 0}, "the whole file", Outcome::unsupported,
                              fmt::format("the configuration needs a change by hand: {}",
                                          config::to_string(problem, "ballast.toml")));
    return result;
}

}  // namespace ballast::migrate
