// SPDX-License-Identifier: Apache-2.0
#include "daemon/examine.h"

#include "base/file.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ballast::daemon {

base::Result<Examined> examine(const std::string& file, const Trial& trial) {
    const auto text = base::read_file(file);
    if (!text) return std::unexpected(text.error());
    Examined examined{config::read(*text), {}};
    auto& [config, problems] = examined.reading;
    if (config) {
        auto tried = try_start(*config, trial);
        std::ranges::move(tried.problems, std::back_inserter(problems));
        examined.not_bound = std::move(tried.not_bound);
    }
    config::sort_by_place(problems);
    return examined;
}

}  // namespace ballast::daemon
