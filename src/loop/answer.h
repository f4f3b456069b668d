// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"
#include "loop/task.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace ballast::loop {

namespace detail {

template <typename T>
struct Awaited {
    explicit Awaited(Loop& loop) : came(loop) {}
    Signal came;
    std::optional<T> answer;
};

}  // namespace detail

/// Waits for an answer that comes later. `ask` is called at once with what it has to call once with
/// the answer, on any thread, even if nobody waits any more. Empty: no answer came in time. `loop`
/// is that of the task, and outlives the call.
template <typename T, typename Ask>
[[nodiscard]] Task<std::optional<T>> answer_of(Loop& loop, std::chrono::steady_clock::duration time,
                                               Ask ask) {
    const auto awaited = std::make_shared<detail::Awaited<T>>(loop);
    ask([&loop, waiting = std::weak_ptr(awaited)](T answer) {
        loop.post([waiting, answer = std::move(answer)]() mutable {
            const auto there = waiting.lock();
            if (!there) return;
            there->answer = std::move(answer);
            there->came.raise();
        });
    });
    const auto deadline = loop.after(time);
    while (!awaited->answer && loop.now() < deadline) (void)co_await awaited->came.wait(deadline);
    co_return std::move(awaited->answer);
}

}  // namespace ballast::loop
