// SPDX-License-Identifier: Apache-2.0
#include "daemon/signals.h"

#include "base/log.h"

#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <string>

namespace ballast::daemon {

base::OwnedFd take_over_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
                             SIGIO, SIGPWR, SIGSTKFLT, SIGWINCH})
        sigaddset(&set, signal);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) sigaddset(&set, signal);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    // splice(2) has no MSG_NOSIGNAL. A closed connection must be an error code, not the end of the
    // process.
    std::signal(SIGPIPE, SIG_IGN);
    // Our parent may have ignored SIGCHLD, but we need the exit status of scripts.
    std::signal(SIGCHLD, SIG_DFL);
    return base::OwnedFd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

void note_ignored_signal(const signalfd_siginfo& signal) {
    const auto number = static_cast<int>(signal.ssi_signo);
    const char* const name = ::sigabbrev_np(number);  // null: a real-time signal
    const auto text = name != nullptr ? fmt::format("SIG{}", name) : fmt::to_string(number);
    log::info("signal ignored", {{"signal", text}, {"from_pid", std::uint64_t{signal.ssi_pid}}});
}

}  // namespace ballast::daemon
