// SPDX-License-Identifier: Apache-2.0
#include "daemon/census.h"

#include "loop/answer.h"

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
constexpr auto answer_time = std::chrono::seconds(5);

}  // namespace

loop::Task<std::optional<Views>> Census::sessions(admin::SessionQuery query) {
    Views found;
    for (const auto& worker : workers_) {
        std::string after = query.after;
        std::size_t wanted = 0;
        for (bool is_more = true; is_more && wanted < query.max;) {
            auto slice = co_await loop::answer_of<Views>(control_, answer_time, [&](auto take) {
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
        auto view = co_await loop::answer_of<std::optional<session::View>>(
            control_, answer_time, [&](auto take) mutable {
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
        const auto acted = co_await loop::answer_of<admin::SessionActed>(
            control_, answer_time, [&](auto take) mutable {
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
