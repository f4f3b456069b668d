// SPDX-License-Identifier: Apache-2.0
#include "health/script.h"

#include "base/child.h"
#include "base/owned_fd.h"
#include "base/shortage.h"
#include "net/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace ballast::health {

namespace {

constexpr std::size_t output_bytes_kept = 512;
/// A script that prints without end must not block the rest of this thread.
constexpr int reads_per_turn = 16;
constexpr auto* default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

base::Error script_error(std::error_code code, const std::string& what) {
    return {base::fault_of(code, base::Fault::backend), code, "script: " + what};
}

/// A running program. Destroying it kills its process group and collects its status, so that no
/// zombie stays.
class Process {
public:
    explicit Process(pid_t pid) : pid_(pid) {}
    Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
    Process& operator=(Process&&) = delete;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        if (pid_ == 0) return;
        kill_group();
        // The kernel nearly always needs only microseconds for this.
        constexpr int patience_ms = 50;
        base::wait_for_end(pid_, patience_ms);
        if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return;
        // A process that hangs on a dead disk or belongs to another user may take for ever. Do not
        // wait for it here.
        left_behind().push_back(pid_);
    }

    /// Collects the status of processes that ended after they were left behind.
    static void reap_left_behind() {
        std::erase_if(left_behind(),
                      [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) == pid; });
    }

    /// Readable when the process has ended. Empty if the system has no descriptor left.
    [[nodiscard]] base::OwnedFd descriptor() const {
        return base::OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, O_NONBLOCK)));
    }
    /// The status, if the process has ended.
    [[nodiscard]] std::optional<int> status() {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
        // Nobody needs what is left of its group.
        kill_group();
        pid_ = 0;
        return status;
    }

private:
    /// Used only by the thread that runs scripts.
    static std::vector<pid_t>& left_behind() {
        static std::vector<pid_t> pids;
        return pids;
    }
    void kill_group() const { ::kill(-pid_, SIGKILL); }

    pid_t pid_;
};

/// The process, or the errno of the failure. All that it prints goes to `output`.
std::expected<Process, int> start(const ScriptRun& run, int output) {
    const base::OwnedFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));  // NOLINT: a C function
    if (!nothing) return std::unexpected(errno);
    const auto host = base::to_string(run.address.ip);
    const auto port = fmt::to_string(run.address.port);
    const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
    const auto started =
        base::start({.path = run.path,
                     .arguments = {run.path, host, port},
                     .environment = {fmt::format("PATH={}", path != nullptr ? path : default_path),
                                     "BALLAST_POOL=" + run.pool, "BALLAST_BACKEND=" + run.backend,
                                     "BALLAST_ADDRESS=" + base::to_string(run.address),
                                     "BALLAST_PORT=" + port, "BALLAST_STATE=" + run.state,
                                     fmt::format("BALLAST_TIMEOUT_MS={}", run.timeout.count())},
                     .descriptors = {{nothing.get(), STDIN_FILENO},
                                     {output, STDOUT_FILENO},
                                     {output, STDERR_FILENO}},
                     .leads_group = true});
    if (!started) return std::unexpected(started.error());
    return Process(*started);
}

/// The first line, made safe for a log.
std::string first_line(std::string_view output) {
    std::string line(output.substr(0, output.find_first_of("\r\n")));
    std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    return line;
}

base::Result<> judge(int status, std::string_view output) {
    const auto said = first_line(output);
    const auto behind = said.empty() ? "" : ": " + said;
    if (WIFSIGNALED(status))
        return std::unexpected(
            script_error({}, fmt::format("ended by signal {}{}", WTERMSIG(status), behind)));
    if (WEXITSTATUS(status) != 0)
        return std::unexpected(
            script_error({}, fmt::format("exited with {}{}", WEXITSTATUS(status), behind)));
    return {};
}

}  // namespace

loop::Task<base::Result<>> run_script(loop::WorkerLoop& loop, ScriptRun run) {
    Process::reap_left_behind();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        co_return std::unexpected(
            base::last_error(base::Fault::internal, "script: opening a pipe"));
    base::OwnedFd reading(ends[0]);
    base::OwnedFd writing(ends[1]);
    // The script's end of the pipe must block: many programs cannot handle EAGAIN.
    ::fcntl(writing.get(), F_SETFL, 0);
    auto process = start(run, writing.get());
    if (!process)
        co_return std::unexpected(script_error({process.error(), std::system_category()},
                                               fmt::format("running {}", run.path)));
    writing = base::OwnedFd();

    loop::Signal signal(loop);
    auto ended_fd = process->descriptor();
    if (!ended_fd)
        co_return std::unexpected(
            base::last_error(base::Fault::internal, "script: waiting for it"));
    auto watched_end = loop::Descriptor::open(loop, ended_fd.get());
    if (!watched_end) co_return std::unexpected(watched_end.error());
    (void)ended_fd.release();
    auto watched_output = loop::Descriptor::open(loop, reading.get());
    if (!watched_output) co_return std::unexpected(watched_output.error());
    (void)reading.release();
    auto& ended = *watched_end;
    auto& output = *watched_output;
    ended.attach(&signal);
    output.attach(&signal);
    const auto deadline = loop.after(run.timeout);
    std::string kept;
    bool is_open = true;
    for (;;) {
        // Wait for the script to end, not for the end of its output: one of its children may hold
        // the pipe for ever.
        const auto status = process->status();
        std::array<char, 4096> buffer;  // NOLINT: filled by read
        for (int i = 0; is_open && i < reads_per_turn; ++i) {
            const ssize_t got = ::read(output.native(), buffer.data(), buffer.size());
            if (got < 0) break;
            is_open = got > 0;
            kept.append(buffer.data(),
                        std::min(static_cast<std::size_t>(got), output_bytes_kept - kept.size()));
        }
        if (status) co_return judge(*status, kept);
        if (loop.now() >= deadline) {
            const auto said = first_line(kept);
            co_return std::unexpected(
                script_error({}, fmt::format("killed after {} ms{}", run.timeout.count(),
                                             said.empty() ? "" : ": " + said)));
        }
        ended.watch_readable();
        if (is_open) output.watch_readable();
        (void)co_await signal.wait(deadline);
    }
}

}  // namespace ballast::health
