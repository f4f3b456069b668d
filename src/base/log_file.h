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

/// Opens a file to append lines to it, or standard error if the path is empty. A FIFO is opened
/// whether or not something reads it, without waiting. A descriptor, or -1 with errno.
[[nodiscard]] int open_to_append(const std::string& path);

/// One file that lines are appended to, with a queue and a thread of its own. `write` and `reopen`
/// never wait for the file. Any thread may call them.
///
/// When the file does not keep up (a pipe that nobody reads, a hung file system), the oldest lines
/// of the queue are dropped and counted. So are lines that cannot be written (a full disk).
class LogFile {
public:
    struct Options {
        std::string path;              ///< empty: standard error
        std::size_t queued_bytes_max;  ///< lines that wait to be written
        /// Lines were lost: called at once, under a lock, on any thread.
        std::function<void(std::uint64_t)> count_lost;
        /// So many lines were lost, and the file is written again: the line that says so in it, or
        /// empty. This and the next are called on the writing thread. Either may throw
        /// std::bad_alloc: then nothing is said.
        std::function<std::string(std::uint64_t)> tell_lost;
        std::function<void()> reopen_failed;
    };
    /// Empty, with errno, if the file cannot be opened; ETIMEDOUT if that takes too long.
    [[nodiscard]] static std::unique_ptr<LogFile> open(Options options);
    /// Closes it, with a second for what is queued.
    ~LogFile();
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    /// Appends the line and a line end.
    void write(std::string line);
    /// Opens the file again by its name. Lines accepted before go to the old file, unless it is
    /// stuck.
    void reopen();
    /// Writes what is queued until the deadline, then gives up. What is written afterwards is lost.
    void close(std::chrono::steady_clock::time_point deadline);

private:
    struct Shared;
    explicit LogFile(std::shared_ptr<Shared> shared);

    // The thread has its share: one that hangs in a system call outlives this object.
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace ballast::log
