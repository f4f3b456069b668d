// SPDX-License-Identifier: Apache-2.0
#include "config/changes.h"

#include "config/settings.h"

#include <fmt/format.h>

namespace ballast::config {

namespace {

void compare(ConstRecord running, ConstRecord wanted, std::vector<std::string>& differing) {
    const auto& section = section_of(running);
    for (const auto& setting : section.settings) {
        if (setting.restart_reason.empty()) continue;
        const auto was = shown(setting.kind, running);
        const auto is = shown(setting.kind, wanted);
        if (was == is) continue;
        differing.push_back(fmt::format(
            "{}{}{} is {} in the file and stays {} until the next start: {}", section.path,
            section.path.empty() ? "" : ".", setting.key, is, was, setting.restart_reason));
    }
}

}  // namespace

std::vector<std::string> needs_restart(const Config& running, const Config& wanted) {
    std::vector<std::string> differing;
    const auto both = [&](const auto& of_running, const auto& of_wanted) {
        compare(ConstRecord(of_running), ConstRecord(of_wanted), differing);
    };
    both(running, wanted);
    both(running.log, wanted.log);
    both(running.transfer_log, wanted.transfer_log);
    both(running.admin, wanted.admin);
    both(running.cluster, wanted.cluster);
    both(running.limits, wanted.limits);
    return differing;
}

}  // namespace ballast::config
