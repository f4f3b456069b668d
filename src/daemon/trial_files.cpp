// SPDX-License-Identifier: Apache-2.0
#include "daemon/trial_files.h"

#include "admin/socket_file.h"
#include "base/file.h"
#include "base/log_target.h"
#include "base/owned_fd.h"

#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace ballast::daemon {

namespace {

using Problems = std::vector<config::Problem>;

void try_append(const config::Config& config, const char* key, const std::string& file,
                Problems& problems) {
    if (file.empty()) return;
    const auto opened = base::in_time(file, "opening " + file, [file] {
        const bool existed = ::access(file.c_str(), F_OK) == 0;
        const base::OwnedFd descriptor(log::open_to_append(file));
        if (!descriptor) return errno;
        if (!existed) ::unlink(file.c_str());
        return 0;
    });
    if (opened) return;
    problems.push_back({config.places.of(key),
                        fmt::format("cannot write {}: {}", file, opened.error().code.message()),
                        "name a file in a folder that this user may write to"});
}

void try_folder(const config::Config& config, const char* key, const std::string& file,
                Problems& problems) {
    if (!file.starts_with('/')) return;
    const auto folder = std::filesystem::path(file).parent_path().string();
    const auto may_write = base::in_time(folder, "looking at " + folder, [folder] {
        return ::access(folder.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
    });
    if (!may_write)
        problems.push_back(
            {config.places.of(key),
             fmt::format("cannot write {}: {}", file, may_write.error().code.message()),
             "name a file in a folder that this user may write to"});
}

void try_admin(const config::Config& config, Problems& problems) {
    const auto& admin = config.admin;
    try_folder(config, "admin.socket", admin.socket, problems);
    try_folder(config, "admin.state_file", admin.state_file, problems);
    if (!admin.group.empty() && !admin::find_group(admin.group))
        problems.push_back({config.places.of("admin.group"),
                            fmt::format("there is no group {}", admin.group),
                            "name one, or create it"});
}

void try_script(const config::Config& config, const config::Pool& pool, Problems& problems) {
    const auto& script = pool.probe.script;
    if (script.empty()) return;
    const auto report = [&](std::string what, std::string fix) {
        problems.push_back(
            {config.places.of(pool.where.key + ".probe.script"), std::move(what), std::move(fix)});
    };
    const auto status = base::file_status(script);
    if (!status)
        return report(fmt::format("cannot run {}: {}", script, status.error().code.message()),
                      "name a program that this user may run");
    if (!S_ISREG(status->st_mode))
        return report(fmt::format("cannot run {}: it is not a regular file", script),
                      "name a program that this user may run");
    const auto may_run = base::in_time(script, "running " + script, [script] {
        return ::access(script.c_str(), X_OK) == 0 ? 0 : errno;
    });
    if (!may_run)
        report(fmt::format("cannot run {}: {}", script, may_run.error().code.message()),
               fmt::format("make it executable for this user: chmod a+rx {}", script));
}

}  // namespace

void try_files(const config::Config& config, Problems& problems) {
    try_append(config, "log.file", config.log.file, problems);
    try_append(config, "transfer_log.xferlog", config.transfer_log.xferlog, problems);
    try_append(config, "transfer_log.json", config.transfer_log.json, problems);
    try_admin(config, problems);
    for (const auto& pool : config.pools) try_script(config, pool, problems);
}

}  // namespace ballast::daemon
