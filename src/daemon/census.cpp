// SPDX-License-Identifier: Apache-2.0
#include "daemon/census.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <utility>

namespace ballast::daemon {

namespace {

using Views = std::vector<session::View>;

constexpr std::size_t slice_size = 64;
/// A worker that takes longer is stuck.
constexpr auto answer_timeout = std::chrono::seconds(5);

template <typename T>
struct Pending {
    explicit Pending(loop::Loop& loop) : done(loop) {}
    loop::Signal done;
    std::optional<T> answer;
};

/// What a worker answers; empty: it does not. `ask` gets what it has to call with the answer, on
/// any thread.
template <typename T, typename Ask>
loop::Task<std::optional<T>> answer_of(loop::WorkerLoop& control, Ask ask) {
    const auto pending = std::make_shared<Pending<T>>(control);
    ask([&control, waiting = std::weak_ptr(pending)](T answer) mutable {
        control.post([waiting = std::move(waiting), answer = std::move(answer)]() mutable {
            const auto asked = waiting.lock();
            if (!asked) return;  // nobody waits any more
            asked->answer = std::move(answer);
            asked->done.raise();
        });
    });
    const auto deadline = control.after(answer_timeout);
    while (!pending->answer && control.now() < deadline)
        (void)co_await pending->done.wait(deadline);
    co_return std::move(pending->answer);
}

}  // namespace

loop::Task<std::optional<Views>> Census::sessions(admin::SessionQuery query) {
    Views found;
    for (const auto& worker : workers_) {
        std::string after = query.after;
        std::size_t wanted = 0;
        for (bool is_more = true; is_more && wanted < query.max;) {
            auto slice = co_await answer_of<Views>(control_, [&](auto take) {
                worker->read_sessions(after, slice_size, std::move(take));
            });
            if (!slice) co_return std::nullopt;
            is_more = slice->size() == slice_size;
            if (is_more) after = slice->back().id;
            for (auto& view : *slice) {
                if (!query.is_wanted(view)) continue;
                found.push_back(std::move(view));
                ++wanted;
            }
        }
    }
    std::ranges::sort(found, {}, &session::View::id);
    if (found.size() > query.max)
        found.erase(found.begin() + static_cast<std::ptrdiff_t>(query.max), found.end());
    co_return found;
}

loop::Task<std::expected<session::View, admin::SessionActed>> Census::session(std::string id) {
    bool is_any_silent = false;
    for (const auto& worker : workers_) {
        auto view =
            co_await answer_of<std::optional<session::View>>(control_, [&](auto take) mutable {
                worker->with_session(id, [take = std::move(take)](session::Session* found) mutable {
                    take(found != nullptr ? std::optional(found->view()) : std::nullopt);
                });
            });
        if (!view) is_any_silent = true;
        if (view && *view) co_return std::move(**view);
    }
    if (is_any_silent) co_return std::unexpected(admin::SessionActed::no_answer);
    co_return std::unexpected(admin::SessionActed::no_session);
}

loop::Task<admin::SessionActed> Census::act(std::string id, admin::SessionAct act) {
    using enum admin::SessionActed;
    bool is_any_silent = false;
    for (const auto& worker : workers_) {
        const auto acted =
            co_await answer_of<admin::SessionActed>(control_, [&](auto take) mutable {
                worker->with_session(
                    id, [act, take = std::move(take)](session::Session* found) mutable {
                        if (found == nullptr) return take(no_session);
                        if (act == admin::SessionAct::end_transfer)
                            return take(found->end_transfer() ? done : no_transfer);
                        found->cut();
                        take(done);
                    });
            });
        if (!acted) is_any_silent = true;
        if (acted && *acted != no_session) co_return *acted;
    }
    co_return is_any_silent ? no_answer : no_session;
}

}  // namespace ballast::daemon
