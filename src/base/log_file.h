// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace ballast::log {

/// Opens a file to append lines to it, or standard error if the path is empty. Opens a FIFO without
/// waiting for a reader. Returns a descriptor, or -1 with errno.
[[nodiscard]] int open_to_append(const std::string& path);

/// One file that lines are appended to, with its own queue and thread. `write` and `reopen` never
/// wait for the file. Any thread may call them.
///
/// When the file cannot keep up (a pipe without a reader, a hung file system), the oldest lines of
/// the queue are dropped and counted. So are lines that cannot be written (a full disk).
class LogFile {
public:
    struct Options {
        std::string path;              ///< empty: standard error
        std::size_t queued_bytes_max;  ///< bound of the queue
        /// Called at once when lines are lost, under a lock, on any thread.
        std::function<void(std::uint64_t)> count_lost;
        /// Called when the file accepts lines again after this many were lost. Returns the line
        /// that reports it in this file, or an empty string. This and the next are called on the
        /// writing thread. If either throws std::bad_alloc, nothing is reported.
        std::function<std::string(std::uint64_t)> tell_lost;
        std::function<void()> reopen_failed;
    };
    /// Empty, with errno, if the file cannot be opened; ETIMEDOUT if that takes too long.
    [[nodiscard]] static std::unique_ptr<LogFile> open(Options options);
    /// Closes the file after at most a second for the queue.
    ~LogFile();
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    /// Appends the line and a line end.
    void write(std::string line);
    /// Opens the file again by name. Lines accepted before go to the old file, unless it is stuck.
    void reopen();
    /// The same with another name. If that cannot be opened, the old file stays.
    void move_to(const std::string& path);
    /// Writes the queue until the deadline, then gives up. Later lines are lost.
    void close(std::chrono::steady_clock::time_point deadline);

private:
    struct Shared;
    explicit LogFile(std::shared_ptr<Shared> shared);

    // Shared with the thread, which outlives this object if it hangs in a system call.
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace ballast::log
