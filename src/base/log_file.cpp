// SPDX-License-Identifier: Apache-2.0
#include "base/log_file.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <fcntl.h>
#include <list>
#include <mutex>
#include <new>
#include <poll.h>
#include <sys/eventfd.h>
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

bool is_regular(int descriptor) {
    struct stat status{};
    return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

int open_to_append(const std::string& path) {
    if (path.empty()) return STDERR_FILENO;
    constexpr int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    const int opened = ::open(path.c_str(), O_WRONLY | flags, 0640);  // NOLINT
    if (opened >= 0 || errno != ENXIO) return opened;
    // A FIFO that nobody reads yet. Its own reader keeps it open (fifo(7)).
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return -1;
    if (!S_ISFIFO(status.st_mode)) {
        errno = ENXIO;
        return -1;
    }
    return ::open(path.c_str(), O_RDWR | flags, 0640);  // NOLINT
}

/// What the callers and the writing thread share.
struct LogFile::Shared {
    explicit Shared(Options with) : options(std::move(with)), wake(::eventfd(0, EFD_CLOEXEC)) {}
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

    Options options;  // the path changes, under the lock
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
    [[nodiscard]] Wrote write_bytes(std::string_view rest);
    [[nodiscard]] bool wait_until_writable();
    void open_again(const std::string& path);
    void write_front(std::unique_lock<std::mutex>& lock);
    void say_loss(std::unique_lock<std::mutex>& lock);

    // Only the writing thread uses these.
    int descriptor_ = -1;
    bool is_file_ = false;
    bool is_torn_ = false;  ///< a line was written only in part
    Clock::time_point loss_said_{};
};

/// False if the file must be opened again first, or if the time is over.
bool LogFile::Shared::wait_until_writable() {
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

/// Ends a torn line first.
LogFile::Shared::Wrote LogFile::Shared::write_out(std::string_view line) {
    if (is_torn_ && write_bytes("\n") == Wrote::no) return Wrote::no;
    return write_bytes(line);
}

LogFile::Shared::Wrote LogFile::Shared::write_bytes(std::string_view rest) {
    // Standard error is not ours to make non-blocking: others share it. A pipe that is writable
    // takes PIPE_BUF bytes without waiting.
    const std::size_t part = is_file_ ? rest.size() : PIPE_BUF;
    while (!rest.empty()) {
        if (!is_file_ && !wait_until_writable()) return Wrote::no;
        const auto written = ::write(descriptor_, rest.data(), std::min(rest.size(), part));
        if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        // A full disk or a closed pipe must not end the daemon.
        if (written <= 0) return Wrote::no;
        rest.remove_prefix(static_cast<std::size_t>(written));
        is_torn_ = !rest.empty();
    }
    return Wrote::yes;
}

void LogFile::Shared::open_again(const std::string& path) {
    const int opened = open_to_append(path);
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
    is_file_ = is_regular(opened);
    is_torn_ = false;
}

void LogFile::Shared::say_loss(std::unique_lock<std::mutex>& lock) {
    const bool is_last = deadline.has_value();
    if (lost == 0 || (!is_last && Clock::now() < loss_said_ + loss_interval)) return;
    const auto said = std::exchange(lost, 0);
    lock.unlock();
    bool wrote = false;
    try {
        const auto line = options.tell_lost ? options.tell_lost(said) : std::string();
        wrote = line.empty() || write_out(line + '\n') == Wrote::yes;
    } catch (const std::bad_alloc&) {
        wrote = false;  // reported later
    }
    lock.lock();
    loss_said_ = Clock::now();
    if (!wrote) lost += said;
}

/// Takes the front of the queue. A line that a stuck file did not accept goes to the next file.
void LogFile::Shared::write_front(std::unique_lock<std::mutex>& lock) {
    std::list<std::string> line;
    line.splice(line.begin(), queue, queue.begin());
    queued_bytes -= line.front().size();
    if (reopens_after && *reopens_after > 0) --*reopens_after;
    lock.unlock();
    const auto wrote = write_out(line.front());
    lock.lock();
    if (wrote == Wrote::yes) return;
    if (!reopens_after) return lose(1);
    queued_bytes += line.front().size();
    queue.splice(queue.begin(), line);
    reopens_after = 0;
}

void LogFile::Shared::run() {
    const int opened = open_to_append(options.path);
    const int failed = opened < 0 ? errno : 0;
    std::unique_lock lock(mutex);
    descriptor_ = opened;
    is_file_ = opened >= 0 && is_regular(opened);
    open_error = failed;
    changed.notify_all();
    const auto has_work = [this] { return reopens_after || deadline || !queue.empty(); };
    while (failed == 0) {
        // Losses are reported in time, even if nothing more is logged.
        if (lost > 0)
            changed.wait_until(lock, loss_said_ + loss_interval, has_work);
        else
            changed.wait(lock, has_work);
        if (reopens_after == std::size_t{0}) {
            reopens_after.reset();
            const auto path = options.path;
            lock.unlock();
            open_again(path);
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

LogFile::LogFile(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), thread_([shared = shared_] { shared->run(); }) {}

std::unique_ptr<LogFile> LogFile::open(Options options) try {
    auto shared = std::make_shared<Shared>(std::move(options));
    if (shared->wake < 0) return nullptr;
    std::unique_ptr<LogFile> file(new LogFile(shared));
    std::unique_lock lock(shared->mutex);
    const bool answered = shared->changed.wait_for(lock, open_timeout,
                                                   [&] { return shared->open_error.has_value(); });
    const int failed = answered ? *shared->open_error : ETIMEDOUT;
    lock.unlock();
    if (failed == 0) return file;
    file.reset();
    errno = failed;
    return nullptr;
} catch (const std::system_error& failed) {  // no thread available
    errno = failed.code().value();
    return nullptr;
}

LogFile::~LogFile() { close(Clock::now() + close_patience); }

void LogFile::write(std::string line) {
    line += '\n';
    {
        const std::lock_guard lock(shared_->mutex);
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
    shared_->changed.notify_all();
}

void LogFile::reopen() {
    const auto path = [this] {
        const std::lock_guard lock(shared_->mutex);
        return shared_->options.path;
    }();
    move_to(path);
}

void LogFile::move_to(const std::string& path) {
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->options.path = path;
        shared_->reopens_after = shared_->queue.size();
    }
    shared_->changed.notify_all();
    shared_->wake_up();
}

void LogFile::close(Clock::time_point deadline) {
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
