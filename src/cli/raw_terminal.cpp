// SPDX-License-Identifier: Apache-2.0
#include "cli/raw_terminal.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

namespace ballast::cli {

namespace {

/// The alternate screen, without a cursor (xterm, and all that follow it).
constexpr std::string_view begin_screen = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr std::string_view end_screen = "\x1b[?25h\x1b[0m\x1b[?1049l";

sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP})
        sigaddset(&set, each);
    return set;
}

}  // namespace

std::optional<RawTerminal> RawTerminal::open() {
    RawTerminal terminal;
    if (::isatty(STDOUT_FILENO) == 0 || ::tcgetattr(STDIN_FILENO, &terminal.before_) != 0)
        return std::nullopt;
    const auto set = watched_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    terminal.signals_ = base::OwnedFd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    terminal.is_open_ = true;
    terminal.enter();
    return terminal;
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : before_(other.before_),
      is_open_(std::exchange(other.is_open_, false)),
      signals_(std::move(other.signals_)) {}

/// Blocked signals stay blocked: the program is about to end, and `end` has told which one came.
RawTerminal::~RawTerminal() {
    if (is_open_) leave();
}

void RawTerminal::enter() {
    auto raw = before_;
    // Keys that send signals still do.
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    (void)write(begin_screen);
}

void RawTerminal::leave() {
    (void)write(end_screen);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

bool RawTerminal::write(std::string_view text) {
    while (!text.empty()) {
        const auto count = ::write(STDOUT_FILENO, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

std::optional<RawTerminal::Event> RawTerminal::take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
    const auto number = static_cast<int>(info.ssi_signo);
    if (number == SIGTSTP) {
        leave();
        ::raise(SIGSTOP);  // the shell takes over until it lets this go on
        enter();
    }
    if (number == SIGTSTP || number == SIGWINCH) return Event{Event::Kind::resize, 0};
    return Event{Event::Kind::end, number};
}

RawTerminal::Event RawTerminal::wait(std::chrono::steady_clock::time_point until) {
    using std::chrono::milliseconds;
    for (;;) {
        if (const auto event = take_signal()) return *event;
        const auto now = std::chrono::steady_clock::now();
        if (now >= until) return {};
        const auto left = std::chrono::ceil<milliseconds>(until - now).count();
        pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}};
        if (::poll(watched, std::size(watched), static_cast<int>(left)) <= 0) continue;
        if (watched[0].revents == 0) continue;
        char key = 0;
        const auto count = ::read(STDIN_FILENO, &key, 1);
        if (count == 1) return {Event::Kind::key, key};
        if (count == 0 || errno != EINTR) return {Event::Kind::end, SIGHUP};
    }
}

}  // namespace ballast::cli
