// SPDX-License-Identifier: Apache-2.0
#include "daemon/operator_gate.h"

#include "base/file.h"

#include <fmt/format.h>
#include <string>

namespace ballast::daemon {

namespace {

admin::Tokens read_tokens(const config::Config& config, const char* key, const std::string& file,
                          std::vector<config::Problem>& problems) {
    if (file.empty()) return {};
    const auto report = [&](std::string what, std::string fix) {
        problems.push_back({config.places.of(key), std::move(what), std::move(fix)});
    };
    const auto text = base::read_file(file);
    if (!text) {
        report(base::to_string(text.error()), std::string(base::cure_of_unreadable(text.error())));
        return {};
    }
    auto tokens = admin::Tokens::parse(*text);
    if (tokens) return std::move(*tokens);
    report(fmt::format("{}: {}", file, tokens.error().what), std::move(tokens.error().fix));
    return {};
}

}  // namespace

admin::Gate::Settings read_operator_gate(const config::Config& config,
                                         std::vector<config::Problem>& problems) {
    const auto& admin = config.admin;
    if (admin.bind.empty()) return {};
    return {.names = admin.names,
            .all = read_tokens(config, "admin.token_file", admin.token_file, problems),
            .read = read_tokens(config, "admin.read_token_file", admin.read_token_file, problems)};
}

}  // namespace ballast::daemon
