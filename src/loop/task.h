// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/frame_memory.h"

#include <cassert>
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

/// Straight-line code that waits. A `Task` is lazy and owned: it starts when it is awaited.
/// Destroying it destroys everything that it waits for. This is the only way to cancel a wait.
/// Parameters are taken by value unless the owner provably lives longer; no lambda coroutine
/// captures. Failures of peers, the network and files are `base::Result`s; our own code does not
/// throw. Exceptions of the standard library (no memory) go to the coroutine that awaits the task.
namespace ballast::loop {

template <typename T = void>
class Task;

namespace detail {

/// Returns control to the coroutine that awaits the task.
struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) const noexcept {
        const auto waiting = handle.promise().continuation;
        return waiting ? waiting : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
};

struct PromiseBase : InFrameMemory {
    std::coroutine_handle<> continuation;
    std::exception_ptr problem;
    std::suspend_always initial_suspend() const noexcept { return {}; }
    FinalAwaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { problem = std::current_exception(); }
    void rethrow() const {
        if (problem) std::rethrow_exception(problem);
    }
};

template <typename T>
struct Promise : PromiseBase {
    std::optional<T> value;
    Task<T> get_return_object();
    template <typename U>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() {
        rethrow();
        return *std::move(value);
    }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object();
    void return_void() const noexcept {}
    void take() const { rethrow(); }
};

}  // namespace detail

template <typename T>
class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle handle) : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Task() {
        if (handle_) handle_.destroy();
    }
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) noexcept {
        assert(handle_ && !handle_.promise().continuation);
        handle_.promise().continuation = waiting;
        return handle_;
    }
    T await_resume() { return handle_.promise().take(); }

private:
    Handle handle_;
};

namespace detail {

template <typename T>
Task<T> Promise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace detail

}  // namespace ballast::loop
