// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"
#include "events/event.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

/// Tells those who listen what happens. Any thread may publish, and no publisher waits for a
/// subscriber: a slow one loses events and is told how many. The latest events of the rare kinds
/// are kept for those who come later.
namespace ballast::events {

/// How many events of the rare kinds are kept.
inline constexpr std::size_t kept_max = 1000;
/// How many events wait for one subscriber.
inline constexpr std::size_t waiting_max = 1000;
/// A longer text in a field is cut.
inline constexpr std::size_t text_bytes_max = 512;

using Shared = std::shared_ptr<const Event>;

namespace detail {
/// A bit for each kind that somebody listens to, or that is kept.
extern std::atomic<std::uint32_t> wanted_kinds;
static_assert(kind_count <= 32);
}  // namespace detail

/// Whether an event of this kind is of any use. Costs one relaxed load: ask before making the
/// fields of a frequent one.
[[nodiscard]] inline bool is_wanted(Kind kind) {
    return (detail::wanted_kinds.load(std::memory_order_relaxed) >>
            static_cast<std::uint32_t>(kind)) &
           1U;
}

/// From any thread. `fields` are some of the kind's own. Empty texts are left out.
void publish(Kind kind, std::initializer_list<log::Field> fields);
/// For what a peer can cause at will: at most one event per second with this kind and `of`, which
/// must not come from a peer.
void publish_seldom(Kind kind, std::string_view of, std::initializer_list<log::Field> fields);

/// The kept events that pass the filter and have a greater number than `after`, oldest first, and
/// of these the latest `max`.
[[nodiscard]] std::vector<Shared> recent(const Filter& filter, std::uint64_t after = 0,
                                         std::size_t max = kept_max);

/// Listens while it lives. Its owner takes what has come. One thread uses it.
class Subscriber {
public:
    /// `wake` is called on the publisher's thread when events are there after there were none. It
    /// must not wait. The events kept since the number `after` come first.
    Subscriber(Filter filter, std::function<void()> wake, std::uint64_t after = never);
    ~Subscriber();
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;
    /// No kept events.
    static constexpr std::uint64_t never = static_cast<std::uint64_t>(-1);

    struct Taken {
        std::vector<Shared> events;
        std::uint64_t lost = 0;  ///< came before these, and there was no room for them
    };
    /// At most `max` of them. More may be there.
    [[nodiscard]] Taken take(std::size_t max);

private:
    friend struct Bus;
    struct Box;
    std::shared_ptr<Box> box_;
};

}  // namespace ballast::events
