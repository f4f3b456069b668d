// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log_target.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace ballast::log {

/// Writes lines to one target, with its own queue and thread. `write` and `reopen` never wait for
/// the target. Any thread may call them.
///
/// When the target cannot keep up (a pipe without a reader, a hung file system, a dead server), the
/// oldest lines of the queue are dropped and counted. So are lines that a file does not take (a
/// full disk). Lines for a syslog server or the journal stay in the queue until it can be reached.
class LogWriter {
public:
    struct Options {
        Target target;
        std::size_t queued_bytes_max;  ///< bound of the queue
        /// Called at once when lines are lost, under a lock, on any thread.
        std::function<void(std::uint64_t)> count_lost;
        /// Called when the target accepts lines again after this many were lost. Returns the line
        /// that reports it there, or an empty string. This and the others are called on the
        /// writing thread. If one throws std::bad_alloc, nothing is reported.
        std::function<std::string(std::uint64_t)> tell_lost;
        std::function<void()> reopen_failed;  ///< only for files
        /// Called once when a server cannot be reached, and once when it can be reached again.
        std::function<void(std::string_view reason)> unreachable = nullptr;
        std::function<void()> reachable = nullptr;
    };
    /// Empty, with errno, if a file or the journal cannot be opened; ETIMEDOUT if that takes too
    /// long. A syslog server is sought later.
    [[nodiscard]] static std::unique_ptr<LogWriter> open(Options options);
    /// Closes the target after at most a second for the queue.
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    /// Writes the line, and behind it in a file a line end.
    void write(std::string line);
    /// Opens the target again by name. Lines accepted before go to the old file, unless it is
    /// stuck.
    void reopen();
    /// The same with another target. A file stays a file, and a server a server. If a file cannot
    /// be opened, the old one stays.
    void move_to(const Target& target);
    /// Writes the queue until the deadline, then gives up. Later lines are lost.
    void close(std::chrono::steady_clock::time_point deadline);

private:
    struct Shared;
    explicit LogWriter(std::shared_ptr<Shared> shared);

    // Shared with the thread, which outlives this object if it hangs in a system call.
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace ballast::log
