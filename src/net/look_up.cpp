// SPDX-License-Identifier: Apache-2.0
#include "net/look_up.h"

#include "loop/answer.h"
#include "net/resolver.h"

#include <chrono>
#include <exception>
#include <stop_token>
#include <thread>
#include <utility>

namespace ballast::net {

namespace {

using Answer = base::Result<std::vector<base::Ip>>;

base::Error failure(const std::string& name, std::errc why) {
    return {base::Fault::internal, std::make_error_code(why), "looking up " + name};
}

Answer answer_for(const std::string& name, std::chrono::milliseconds timeout,
                  const std::stop_token& stop) {
    try {
        auto answer = resolve(name, timeout, stop);
        if (!answer) answer.error().fault = base::Fault::internal;
        return answer;
    } catch (const std::exception&) {  // on a thread of our own
        return std::unexpected(failure(name, std::errc::not_enough_memory));
    }
}

}  // namespace

loop::Task<Answer> look_up(loop::Loop& loop, std::string name, loop::Deadline deadline) {
    if (const auto address = base::Ip::parse(name)) co_return std::vector{*address};
    const auto time = std::chrono::floor<std::chrono::milliseconds>(deadline - loop.now());
    // The resolver is given less, so that its thread has ended when the time is up.
    const auto resolver_time = time - time / 8;
    if (resolver_time.count() <= 0) co_return std::unexpected(failure(name, std::errc::timed_out));
    std::jthread thread;
    const auto ask = [&](auto give) {
        try {
            thread = std::jthread(
                [name, resolver_time, give = std::move(give)](const std::stop_token& stop) mutable {
                    give(answer_for(name, resolver_time, stop));
                });
        } catch (const std::exception&) {
            give(std::unexpected(failure(name, std::errc::resource_unavailable_try_again)));
        }
    };
    auto answer = co_await loop::answer_of<Answer>(loop, time, ask);
    if (!answer) co_return std::unexpected(failure(name, std::errc::timed_out));
    co_return *std::move(answer);
}

}  // namespace ballast::net
