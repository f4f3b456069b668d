// SPDX-License-Identifier: Apache-2.0
#include "base/child.h"

#include "base/owned_fd.h"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ballast::base {

namespace {

/// Owns the structures that posix_spawn needs.
struct Spawn {
    Spawn() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    ~Spawn() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    Spawn(const Spawn&) = delete;
    Spawn& operator=(const Spawn&) = delete;

    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

std::expected<pid_t, int> start(Program program) {
    Spawn spawn;
    int last = STDERR_FILENO;
    for (const auto& [ours, there] : program.descriptors) {
        ::posix_spawn_file_actions_adddup2(&spawn.actions, ours, there);
        last = std::max(last, there);
    }
    // Our descriptors are close-on-exec. Those that the daemon inherited may not be.
    ::posix_spawn_file_actions_addclosefrom_np(&spawn.actions, last + 1);
    // The daemon blocks and ignores some signals.
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&spawn.attributes, &none);
    ::posix_spawnattr_setsigdefault(&spawn.attributes, &all);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (program.leads_group) {
        ::posix_spawnattr_setpgroup(&spawn.attributes, 0);
        flags |= POSIX_SPAWN_SETPGROUP;
    }
    ::posix_spawnattr_setflags(&spawn.attributes, static_cast<short>(flags));
    pid_t process = 0;
    const int failed = ::posix_spawn(&process, program.path.c_str(), &spawn.actions,
                                     &spawn.attributes, pointers_to(program.arguments).data(),
                                     pointers_to(program.environment).data());
    if (failed != 0) return std::unexpected(failed);
    return process;
}

void wait_for_end(pid_t process, int milliseconds) {
    const OwnedFd ended(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    pollfd event{.fd = ended.get(), .events = POLLIN, .revents = 0};
    (void)::poll(&event, 1, milliseconds);
}

}  // namespace ballast::base
