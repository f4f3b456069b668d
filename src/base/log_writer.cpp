// SPDX-License-Identifier: Apache-2.0
#include "base/log_writer.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <fmt/format.h>
#include <list>
#include <mutex>
#include <new>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace ballast::log {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto open_timeout = std::chrono::seconds(5);
/// How long the destructor may write the rest of the queue.
constexpr auto close_patience = std::chrono::seconds(1);
/// How often a file that keeps losing lines reports it.
constexpr auto loss_interval = std::chrono::seconds(1);
/// From so many lines on in this time, each wake-up waits a little, so that several lines share it.
constexpr auto busy_window = std::chrono::milliseconds(100);
constexpr std::size_t busy_lines = 100;
constexpr auto gather_time = std::chrono::milliseconds(2);
/// How long to wait before a server is sought again.
constexpr auto retry_pause = std::chrono::seconds(1);

bool is_regular(int descriptor) {
    struct stat status{};
    return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

/// What the callers and the writing thread share.
struct LogWriter::Shared {
    explicit Shared(Options with)
        : options(std::move(with)),
          is_file(options.target.kind == Target::Kind::file),
          wake(::eventfd(0, EFD_CLOEXEC)) {}
    ~Shared() {
        close_file();
        if (wake >= 0) ::close(wake);
    }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

    void run();
    void close_file() const {
        if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
    }
    /// Interrupts the writing thread's wait for the file.
    void wake_up() const {
        const std::uint64_t one = 1;
        (void)::write(wake, &one, sizeof one);
    }
    void lose(std::uint64_t lines) {
        lost += lines;
        if (options.count_lost) options.count_lost(lines);
    }

    Options options;  // the target changes, under the lock
    const bool is_file;
    const int wake;

    std::mutex mutex;
    std::condition_variable changed;
    /// Lines with their line ends. A list, so that the writing thread can take one without
    /// allocating.
    std::list<std::string> queue;
    std::size_t queued_bytes = 0;
    std::uint64_t lost = 0;                     ///< and not reported yet
    std::optional<Clock::time_point> deadline;  ///< set by `close`
    std::optional<std::size_t> reopens_after;   ///< after this many lines of the queue
    bool ended = false;
    std::optional<int> open_error;  ///< 0: the file is open

private:
    enum class Wrote : bool { no, yes };
    [[nodiscard]] Wrote write_out(std::string_view line);
    [[nodiscard]] Wrote write_bytes(std::string_view rest, int flags = 0);
    [[nodiscard]] bool wait_until_writable();
    [[nodiscard]] bool is_closed_by_peer();
    [[nodiscard]] int open_first();
    void open_again(const Target& target);
    [[nodiscard]] bool connect(const Target& target);
    void gather(std::unique_lock<std::mutex>& lock);
    void write_front(std::unique_lock<std::mutex>& lock);
    void wait_for_server(std::unique_lock<std::mutex>& lock);
    void note_reachable(std::unique_lock<std::mutex>& lock);
    void say_loss(std::unique_lock<std::mutex>& lock);

    // Only the writing thread uses these.
    int descriptor_ = -1;
    Target::Kind kind_ = Target::Kind::file;  ///< of the descriptor
    bool is_regular_ = false;
    bool is_torn_ = false;         ///< a file has a line only in part
    std::string problem_;          ///< why the server could not be reached the last time
    bool is_unreachable_ = false;  ///< and that was reported
    Clock::time_point loss_said_{};
    Clock::time_point window_began_{};
    std::size_t window_lines_ = 0;
    bool is_busy_ = false;  ///< the window before had many lines
};

/// False if the file must be opened again first, or if the time is over.
bool LogWriter::Shared::wait_until_writable() {
    for (int patience = 0;;) {
        pollfd waits[] = {{descriptor_, POLLOUT, 0}, {wake, POLLIN, 0}};
        if (::poll(waits, 2, patience) < 0 && errno != EINTR) return false;
        if (waits[0].revents != 0) return true;
        if (waits[1].revents != 0) {
            std::uint64_t count = 0;
            (void)::read(wake, &count, sizeof count);
        }
        const std::lock_guard lock(mutex);
        if (reopens_after) return false;
        patience = -1;
        if (!deadline) continue;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
        if (left.count() <= 0) return false;
        patience = static_cast<int>(left.count());
    }
}

/// Whether the server has closed. What is sent then would be lost without an error.
bool LogWriter::Shared::is_closed_by_peer() {
    if (kind_ != Target::Kind::syslog_tcp) return false;
    char byte = 0;
    const auto got = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return false;
    problem_ = got == 0 ? "it closed the connection"
                        : std::error_code(errno, std::system_category()).message();
    return true;
}

LogWriter::Shared::Wrote LogWriter::Shared::write_out(std::string_view line) {
    if (!is_file && descriptor_ < 0) {
        const auto target = [this] {
            const std::lock_guard lock(mutex);
            return options.target;
        }();
        if (!connect(target)) return Wrote::no;
    }
    if (kind_ == Target::Kind::syslog_tcp) {
        // RFC 6587 3.4.1: octet counting.
        std::array<char, 24> count{};
        const auto end = fmt::format_to_n(count.data(), count.size(), "{} ", line.size());
        if (write_bytes({count.data(), end.size}, MSG_MORE) == Wrote::no) return Wrote::no;
    }
    // End a torn line first.
    if (is_torn_ && write_bytes("\n") == Wrote::no) return Wrote::no;
    return write_bytes(line);
}

LogWriter::Shared::Wrote LogWriter::Shared::write_bytes(std::string_view rest, int flags) {
    const bool is_socket = kind_ != Target::Kind::file;
    // Standard error is not ours to make non-blocking: others share it. A pipe that is writable
    // takes PIPE_BUF bytes without waiting.
    const std::size_t part = is_regular_ || is_socket ? rest.size() : PIPE_BUF;
    while (!rest.empty()) {
        if (!is_regular_ && !wait_until_writable()) return Wrote::no;
        if (is_closed_by_peer()) return Wrote::no;
        const auto written =
            is_socket
                ? ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT | flags)
                : ::write(descriptor_, rest.data(), std::min(rest.size(), part));
        if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (written < 0 && errno == ECONNREFUSED && kind_ == Target::Kind::syslog_udp) {
            // A datagram before this one has found nobody. The error is cleared now.
            if (options.count_lost) options.count_lost(1);
            continue;
        }
        if (written < 0 && errno == EMSGSIZE) {
            // It would never be taken, and hold up all others.
            if (options.count_lost) options.count_lost(1);
            return Wrote::yes;
        }
        // A full disk or a closed pipe must not end the daemon.
        if (written <= 0) {
            if (is_socket) problem_ = std::error_code(errno, std::system_category()).message();
            return Wrote::no;
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
        if (!is_socket) is_torn_ = !rest.empty();
    }
    return Wrote::yes;
}

/// False, with the problem noted, if there is no socket for this server.
bool LogWriter::Shared::connect(const Target& target) {
    auto opened = open_target(target);
    close_file();
    descriptor_ = opened.value_or(-1);
    kind_ = target.kind;
    if (!opened) problem_ = std::move(opened.error());
    return opened.has_value();
}

void LogWriter::Shared::open_again(const Target& target) {
    if (target.kind != Target::Kind::file) {
        (void)connect(target);
        return;
    }
    const int opened = open_to_append(target.place);
    if (opened < 0) {
        try {
            if (options.reopen_failed) options.reopen_failed();
        } catch (const std::bad_alloc&) {
            const std::lock_guard lock(mutex);
            lose(1);  // the report itself
        }
        return;
    }
    if (opened == descriptor_) return;
    close_file();
    descriptor_ = opened;
    is_regular_ = is_regular(opened);
    is_torn_ = false;
}

void LogWriter::Shared::say_loss(std::unique_lock<std::mutex>& lock) {
    const bool is_last = deadline.has_value();
    if (lost == 0 || (!is_last && Clock::now() < loss_said_ + loss_interval)) return;
    const auto said = std::exchange(lost, 0);
    lock.unlock();
    bool wrote = false;
    try {
        const auto line = options.tell_lost ? options.tell_lost(said) : std::string();
        wrote = line.empty() || write_out(is_file ? line + '\n' : line) == Wrote::yes;
    } catch (const std::bad_alloc&) {
        wrote = false;  // reported later
    }
    lock.lock();
    loss_said_ = Clock::now();
    if (!wrote) lost += said;
}

/// A server does not take lines. They wait in the queue, and the oldest ones are lost.
void LogWriter::Shared::wait_for_server(std::unique_lock<std::mutex>& lock) {
    close_file();
    descriptor_ = -1;
    if (deadline) {
        deadline = Clock::now();  // the rest of the queue cannot be saved
        return;
    }
    if (!std::exchange(is_unreachable_, true) && options.unreachable) {
        lock.unlock();
        try {
            options.unreachable(problem_);
        } catch (const std::bad_alloc&) {
            is_unreachable_ = false;  // reported later
        }
        lock.lock();
    }
    changed.wait_for(lock, retry_pause, [this] { return reopens_after || deadline; });
}

void LogWriter::Shared::note_reachable(std::unique_lock<std::mutex>& lock) {
    if (!std::exchange(is_unreachable_, false) || !options.reachable) return;
    lock.unlock();
    try {
        options.reachable();
    } catch (const std::bad_alloc&) {
        is_unreachable_ = true;  // reported later
    }
    lock.lock();
}

/// Nobody wakes this thread while the queue has lines. To be woken for each line costs the worker
/// more than the line.
void LogWriter::Shared::gather(std::unique_lock<std::mutex>& lock) {
    if (is_busy_) changed.wait_for(lock, gather_time, [this] { return reopens_after || deadline; });
    window_lines_ += queue.size();
    const auto now = Clock::now();
    if (now - window_began_ < busy_window) return;
    is_busy_ = window_lines_ >= busy_lines && now - window_began_ < 2 * busy_window;
    window_began_ = now;
    window_lines_ = 0;
}

/// Takes the front of the queue. A line that a stuck file did not accept goes to the next file.
void LogWriter::Shared::write_front(std::unique_lock<std::mutex>& lock) {
    std::list<std::string> line;
    line.splice(line.begin(), queue, queue.begin());
    queued_bytes -= line.front().size();
    if (reopens_after && *reopens_after > 0) --*reopens_after;
    lock.unlock();
    const auto wrote = write_out(line.front());
    lock.lock();
    if (wrote == Wrote::yes) return note_reachable(lock);
    if (!reopens_after && is_file) return lose(1);
    queued_bytes += line.front().size();
    queue.splice(queue.begin(), line);
    if (!reopens_after) return wait_for_server(lock);
    reopens_after = 0;
}

/// A descriptor, or -1 and errno. A syslog server has none yet.
int LogWriter::Shared::open_first() {
    kind_ = options.target.kind;
    if (is_file) return open_to_append(options.target.place);
    if (kind_ == Target::Kind::journal && !connect(options.target)) errno = ECONNREFUSED;
    return descriptor_;
}

void LogWriter::Shared::run() {
    descriptor_ = open_first();
    const bool is_needed = is_file || kind_ == Target::Kind::journal;
    const int failed = is_needed && descriptor_ < 0 ? errno : 0;
    is_regular_ = is_file && descriptor_ >= 0 && is_regular(descriptor_);
    std::unique_lock lock(mutex);
    open_error = failed;
    changed.notify_all();
    const auto has_work = [this] { return reopens_after || deadline || !queue.empty(); };
    while (failed == 0) {
        const bool was_idle = queue.empty();
        // Losses are reported in time, even if nothing more is logged.
        if (lost > 0)
            changed.wait_until(lock, loss_said_ + loss_interval, has_work);
        else
            changed.wait(lock, has_work);
        if (was_idle && !queue.empty()) gather(lock);
        if (reopens_after == std::size_t{0}) {
            reopens_after.reset();
            const auto target = options.target;
            lock.unlock();
            open_again(target);
            lock.lock();
            continue;
        }
        if (deadline && Clock::now() >= *deadline) break;
        say_loss(lock);
        if (!queue.empty())
            write_front(lock);
        else if (deadline)
            break;
    }
    if (!queue.empty()) lose(queue.size());
    ended = true;
    changed.notify_all();
}

LogWriter::LogWriter(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), thread_([shared = shared_] { shared->run(); }) {}

std::unique_ptr<LogWriter> LogWriter::open(Options options) try {
    auto shared = std::make_shared<Shared>(std::move(options));
    if (shared->wake < 0) return nullptr;
    std::unique_ptr<LogWriter> writer(new LogWriter(shared));
    std::unique_lock lock(shared->mutex);
    const bool answered = shared->changed.wait_for(lock, open_timeout,
                                                   [&] { return shared->open_error.has_value(); });
    const int failed = answered ? *shared->open_error : ETIMEDOUT;
    lock.unlock();
    if (failed == 0) return writer;
    writer.reset();
    errno = failed;
    return nullptr;
} catch (const std::system_error& failed) {  // no thread available
    errno = failed.code().value();
    return nullptr;
}

LogWriter::~LogWriter() { close(Clock::now() + close_patience); }

void LogWriter::write(std::string line) {
    bool is_first = false;
    {
        const std::lock_guard lock(shared_->mutex);
        is_first = shared_->queue.empty();
        if (shared_->is_file) line += '\n';
        shared_->queue.push_back(std::move(line));
        shared_->queued_bytes += shared_->queue.back().size();
        std::uint64_t dropped = 0;
        for (; shared_->queued_bytes > shared_->options.queued_bytes_max; ++dropped) {
            shared_->queued_bytes -= shared_->queue.front().size();
            shared_->queue.pop_front();
        }
        auto& reopens_after = shared_->reopens_after;
        if (reopens_after) *reopens_after -= std::min<std::size_t>(*reopens_after, dropped);
        if (dropped > 0) shared_->lose(dropped);
    }
    if (is_first) shared_->changed.notify_all();
}

void LogWriter::reopen() {
    const auto target = [this] {
        const std::lock_guard lock(shared_->mutex);
        return shared_->options.target;
    }();
    move_to(target);
}

void LogWriter::move_to(const Target& target) {
    {
        const std::lock_guard lock(shared_->mutex);
        assert((target.kind == Target::Kind::file) == shared_->is_file);
        shared_->options.target = target;
        shared_->reopens_after = shared_->queue.size();
    }
    shared_->changed.notify_all();
    shared_->wake_up();
}

void LogWriter::close(Clock::time_point deadline) {
    if (!thread_.joinable()) return;
    std::unique_lock lock(shared_->mutex);
    if (!shared_->deadline) shared_->deadline = deadline;
    shared_->changed.notify_all();
    shared_->wake_up();
    // Wait a little longer than the thread's own deadline. If it has not ended by then, it hangs in
    // a system call and stays until the process ends.
    constexpr auto margin = std::chrono::milliseconds(200);
    const bool ended =
        shared_->changed.wait_until(lock, deadline + margin, [&] { return shared_->ended; });
    lock.unlock();
    if (ended)
        thread_.join();
    else
        thread_.detach();
}

}  // namespace ballast::log
