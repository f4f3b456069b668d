// SPDX-License-Identifier: Apache-2.0
#include "daemon/escort.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ballast::daemon {

namespace {

/// It holds nothing of the child's: the other process must see when the child closes its link.
[[noreturn]] void accompany(pid_t child, int pipe) {
    ::dup2(pipe, STDIN_FILENO);
    ::close_range(STDIN_FILENO + 1, ~0U, 0);
    char said = 0;
    if (::read(STDIN_FILENO, &said, 1) == 1) ::_exit(EXIT_SUCCESS);
    int status = 0;
    if (::waitpid(child, &status, 0) != child) ::_exit(EXIT_FAILURE);
    if (WIFEXITED(status)) ::_exit(WEXITSTATUS(status));
    const rlimit no_core{};
    (void)::setrlimit(RLIMIT_CORE, &no_core);
    (void)::kill(::getpid(), WTERMSIG(status));
    ::_exit(EXIT_FAILURE);
}

}  // namespace

base::Result<Escort> Escort::begin() {
    std::array<int, 2> both{};
    if (::pipe2(both.data(), O_CLOEXEC) != 0)
        return std::unexpected(base::last_error(base::Fault::internal, "making a pipe"));
    const base::OwnedFd reading(both[0]);
    base::OwnedFd writing(both[1]);
    // Otherwise the end of a child could not be waited for.
    (void)std::signal(SIGCHLD, SIG_DFL);
    const auto escort = ::getpid();
    const auto child = ::fork();
    if (child < 0) return std::unexpected(base::last_error(base::Fault::internal, "forking"));
    if (child > 0) accompany(child, reading.get());
    // The former process knows only the escort. Killing it must kill the child.
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != escort) ::_exit(EXIT_FAILURE);
    return Escort(std::move(writing));
}

void Escort::end() {
    if (!pipe_) return;
    (void)::prctl(PR_SET_PDEATHSIG, 0);
    (void)!::write(pipe_.get(), "s", 1);
    pipe_ = base::OwnedFd();
}

}  // namespace ballast::daemon
