// SPDX-License-Identifier: Apache-2.0
#include "config/check_logs.h"

#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <string>

namespace ballast::config {

void check_logs(const Config& config, Findings findings) {
    std::map<std::filesystem::path, std::string> first_key;
    const auto add = [&](const std::string& key, const std::string& file) {
        if (file.empty()) return;
        const auto normal = std::filesystem::path(file).lexically_normal();
        const auto [first, is_new] = first_key.emplace(normal, key);
        if (!is_new)
            findings.add(key, fmt::format("{} is also the file of {}", file, first->second),
                         "give each log its own file: their formats differ");
    };
    add("log.file", config.log.file);
    add("transfer_log.xferlog", config.transfer_log.xferlog);
    add("transfer_log.json", config.transfer_log.json);
}

}  // namespace ballast::config
