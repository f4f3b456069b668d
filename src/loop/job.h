// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/frame_memory.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <coroutine>
#include <exception>
#include <utility>

namespace ballast::loop {

/// A task that runs beside its owner. Destroying the job cancels the task where it waits; that is
/// allowed anywhere but inside the task itself. When the task ends it raises `done_signal`, and the
/// owner calls `is_done()`. That call rethrows an exception of the task. Without a `done_signal` an
/// exception ends the process.
class Job {
public:
    Job() = default;
    /// Runs the task up to its first wait, at once.
    static Job start(Task<> task, Signal* done_signal = nullptr) {
        Job job;
        Root root = run(std::move(task), done_signal);
        job.handle_ = root.handle;
        job.handle_.resume();
        return job;
    }
    Job(Job&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Job& operator=(Job&& other) noexcept {
        if (this != &other) {
            cancel();
            handle_ = std::exchange(other.handle_, {});
        }
        return *this;
    }
    ~Job() { cancel(); }
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    [[nodiscard]] bool is_started() const { return static_cast<bool>(handle_); }
    /// Rethrows the task's exception.
    [[nodiscard]] bool is_done() const {
        if (!has_ended()) return false;
        if (handle_.promise().problem) std::rethrow_exception(handle_.promise().problem);
        return true;
    }
    [[nodiscard]] bool has_ended() const noexcept { return handle_ && handle_.done(); }
    void cancel() {
        if (handle_) std::exchange(handle_, {}).destroy();
    }

private:
    struct Root {
        struct promise_type : InFrameMemory {
            Signal* done_signal = nullptr;
            std::exception_ptr problem;
            Root get_return_object() {
                return {std::coroutine_handle<promise_type>::from_promise(*this)};
            }
            std::suspend_always initial_suspend() const noexcept { return {}; }
            struct Final {
                bool await_ready() const noexcept { return false; }
                void await_suspend(std::coroutine_handle<promise_type> ended) const noexcept {
                    if (ended.promise().done_signal != nullptr)
                        ended.promise().done_signal->raise();
                }
                void await_resume() const noexcept {}
            };
            Final final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            void unhandled_exception() noexcept {
                if (done_signal == nullptr) std::terminate();
                problem = std::current_exception();
            }
            promise_type() = default;
            promise_type(Task<>&, Signal* signal) : done_signal(signal) {}
        };
        std::coroutine_handle<promise_type> handle;
    };
    static Root run(Task<> task, Signal* /*for the promise*/) { co_await std::move(task); }

    std::coroutine_handle<Root::promise_type> handle_;
};

}  // namespace ballast::loop
