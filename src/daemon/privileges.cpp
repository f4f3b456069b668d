// SPDX-License-Identifier: Apache-2.0
#include "daemon/privileges.h"

#include "base/file.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <fmt/format.h>
#include <grp.h>
#include <initializer_list>
#include <linux/capability.h>
#include <pwd.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ballast::daemon {

namespace {

base::Error failure(const std::string& doing) {
    return base::last_error(base::Fault::internal, doing);
}

/// Keeps only these capabilities, as far as the process has them.
bool keep_only(std::initializer_list<unsigned int> capabilities) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
    std::uint32_t bits = 0;
    for (const auto capability : capabilities) bits |= std::uint32_t{1} << capability;
    bits &= sets[0].permitted;
    sets = {};
    sets[0] = {.effective = bits, .permitted = bits, .inheritable = 0};
    return ::syscall(SYS_capset, &header, sets.data()) == 0;
}

bool is_readable_by_all(const std::string& file) {
    const auto status = base::file_status(file);
    return status && (status->st_mode & S_IROTH) != 0;
}

}  // namespace

base::Result<> become(const std::string& user) {
    errno = 0;
    const passwd* const entry = ::getpwnam(user.c_str());  // NOLINT: there is one thread
    if (entry == nullptr)
        return std::unexpected(
            base::Error{base::Fault::internal, {}, fmt::format("there is no user \"{}\"", user)});
    const auto doing = fmt::format("becoming the user \"{}\" (run this as root)", user);
    const bool done = ::initgroups(entry->pw_name, entry->pw_gid) == 0 &&
                      ::setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) == 0 &&
                      ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 &&
                      ::setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) == 0 &&
                      keep_only({CAP_NET_BIND_SERVICE, CAP_NET_ADMIN});
    if (!done) return std::unexpected(failure(doing));
    return {};
}

std::string name_of_user(uid_t user) {
    const passwd* const entry = ::getpwuid(user);  // NOLINT: there is one thread
    return entry == nullptr ? fmt::format("{}", user) : entry->pw_name;
}

void hide_memory() {
    // Only the soft limit: a later upgrade may have other settings.
    rlimit limit{};
    if (::getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        ::setrlimit(RLIMIT_CORE, &limit);
    }
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

std::vector<config::Problem> exposed_secrets(const config::Config& config) {
    std::vector<config::Problem> problems;
    const auto look = [&](const std::string& key, const std::string& file) {
        if (file.empty() || !is_readable_by_all(file)) return;
        problems.push_back(
            {config.places.of(key), fmt::format("every user of this machine can read {}", file),
             "let only root and Ballast's group read it: chmod 640", config::Severity::warning});
    };
    const auto look_at_keys = [&](const auto& tls) {
        const bool is_apart = !tls.key.empty();
        const auto& keys = is_apart ? tls.key : tls.certificate;
        const std::string_view name = is_apart ? "key" : "certificate";
        for (std::size_t i = 0; i < keys.size(); ++i)
            look(fmt::format("{}.{}[{}]", tls.where.key, name, i), keys[i]);
    };
    for (const auto& listener : config.listeners) {
        if (!listener.tls) continue;
        look_at_keys(*listener.tls);
        look(listener.tls->where.key + ".ticket_keys", listener.tls->ticket_keys);
    }
    if (config.admin.tls) look_at_keys(*config.admin.tls);
    look("admin.token_file", config.admin.token_file);
    look("admin.read_token_file", config.admin.read_token_file);
    if (config.cluster.has_store()) {
        look("cluster.secret_file", config.cluster.secret_file);
        look("cluster.password_file", config.cluster.password_file);
        look("cluster.key",
             config.cluster.key.empty() ? config.cluster.certificate : config.cluster.key);
    }
    const auto look_at_tls = [&](const std::string& where, const config::BackendTls& tls) {
        if (tls.mode == config::BackendTlsMode::off) return;
        if (tls.key.empty())
            look(where + ".tls.certificate", tls.certificate);
        else
            look(where + ".tls.key", tls.key);
    };
    for (const auto& pool : config.pools) {
        look(pool.where.key + ".probe.password_file", pool.probe.password_file);
        look_at_tls(pool.where.key, pool.tls);
        for (const auto& backend : pool.backends)
            if (backend.tls != pool.tls) look_at_tls(backend.where.key, backend.tls);
    }
    return problems;
}

}  // namespace ballast::daemon
