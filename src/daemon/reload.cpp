// SPDX-License-Identifier: Apache-2.0
#include "daemon/reload.h"

#include "base/file.h"
#include "daemon/examine.h"

#include <exception>
#include <utility>

namespace ballast::daemon {

namespace {

config::Problem problem_of(std::string what, std::string fix) {
    return {.where = {}, .what = std::move(what), .fix = std::move(fix)};
}

Reload::Read read(const std::string& file, const Tls* former) {
    auto examined = examine(file, {.asks_names = true, .running_file = file});
    if (!examined)
        return {{problem_of("cannot be read: " + base::to_string(examined.error()),
                            "name a file that this user may read")},
                {}};
    auto& [config, problems] = examined->reading;
    if (config::has_errors(problems)) return {std::move(problems), {}};
    Parts parts{std::make_shared<const config::Config>(std::move(*config)), nullptr, {}};
    // They may have changed since they were tried.
    parts.tls = std::make_shared<Tls>(*parts.config, problems, former);
    parts.secrets = read_probe_secrets(*parts.config, problems);
    if (config::has_errors(problems)) return {std::move(problems), {}};
    return {std::move(problems), std::move(parts)};
}

}  // namespace

void Reload::begin(std::shared_ptr<const Tls> former, Done done) {
    auto work = [this, former = std::move(former), done = std::move(done)]() mutable {
        Read result;
        try {
            result = read(file_, former.get());
        } catch (const std::exception& problem) {  // no memory
            result.problems = {problem_of(problem.what(), "try again")};
        }
        control_.post([done = std::move(done), result = std::move(result)]() mutable {
            done(std::move(result));
        });
    };
    thread_ = std::jthread(std::move(work));
}

}  // namespace ballast::daemon
