// SPDX-License-Identifier: Apache-2.0
#include "events/bus.h"

#include "base/log_repeats.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <string>
#include <utility>

namespace ballast::events {

namespace {

constexpr std::uint32_t kept_kinds() {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < kind_count; ++i)
        if (is_kept(static_cast<Kind>(i))) bits |= 1U << i;
    return bits;
}

std::uint32_t bits_of(const Filter& filter) {
    std::uint32_t bits = 0;
    for (const auto& row : all_kinds())
        if (filter.wants(row.kind)) bits |= 1U << static_cast<std::uint32_t>(row.kind);
    return bits;
}

Event::Value value_of(const log::Field& field) {
    const auto* const text = std::get_if<std::string_view>(&field.value);
    if (text != nullptr && text->size() > text_bytes_max)
        return std::string(text->substr(0, text_bytes_max)) + "...";
    return std::visit(
        [](const auto& value) -> Event::Value {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>)
                return std::string(value);
            else
                return value;
        },
        field.value);
}

bool is_empty(const log::Field& field) {
    const auto* const text = std::get_if<std::string_view>(&field.value);
    return text != nullptr && text->empty();
}

}  // namespace

namespace detail {
std::atomic<std::uint32_t> wanted_kinds = kept_kinds();
}  // namespace detail

/// What has come for one subscriber.
struct Subscriber::Box {
    Filter filter;
    std::function<void()> wake;
    std::mutex mutex;
    std::deque<Shared> waiting;
    std::uint64_t lost = 0;

    /// True if the subscriber must be woken.
    bool put(const Shared& event) {
        const std::lock_guard lock(mutex);
        if (waiting.size() >= waiting_max) {
            waiting.pop_front();
            ++lost;
        }
        waiting.push_back(event);
        return waiting.size() == 1;
    }
};

struct Bus {
    using Boxes = std::vector<std::shared_ptr<Subscriber::Box>>;
    std::mutex mutex;
    std::uint64_t last_number = 0;
    std::deque<Shared> kept;
    Boxes boxes;
    std::uint64_t boxes_changed = 0;  // so many times
    log::Repeats repeats;

    /// Never destroyed: threads may end after static destruction has begun.
    static Bus& instance() {
        static auto* const bus = new Bus;
        return *bus;
    }

    static Boxes wanting(const Boxes& boxes, const Event& event) {
        Boxes found;
        for (const auto& box : boxes)
            if (box->filter.wants(event)) found.push_back(box);
        return found;
    }

    void publish(std::shared_ptr<Event> event) {
        // Filters take time, so the lock is not held while they are asked.
        std::unique_lock lock(mutex);
        const auto asked = boxes;
        const auto asked_at = boxes_changed;
        lock.unlock();
        auto takers = wanting(asked, *event);
        lock.lock();
        // A subscriber has come or gone meanwhile. That is rare.
        if (boxes_changed != asked_at) takers = wanting(boxes, *event);
        event->number = ++last_number;
        const Shared shared = std::move(event);
        if (is_kept(shared->kind)) {
            kept.push_back(shared);
            if (kept.size() > kept_max) kept.pop_front();
        }
        // Under the lock, so that each subscriber gets the events in order.
        std::erase_if(takers, [&](const auto& box) { return !box->put(shared); });
        lock.unlock();
        for (const auto& box : takers) box->wake();
    }

    [[nodiscard]] std::vector<Shared> find(const Filter& filter, std::uint64_t after,
                                           std::size_t max) const {
        std::vector<Shared> found;
        for (auto event = kept.rbegin(); event != kept.rend() && found.size() < max; ++event) {
            if ((*event)->number <= after) break;
            if (filter.wants(**event)) found.push_back(*event);
        }
        std::ranges::reverse(found);
        return found;
    }

    void note_wanted() {
        ++boxes_changed;
        auto bits = kept_kinds();
        for (const auto& box : boxes) bits |= bits_of(box->filter);
        detail::wanted_kinds.store(bits, std::memory_order_relaxed);
    }
};

/// An event is not worth a failure of those who publish it.
void publish(Kind kind, std::initializer_list<log::Field> fields) try {
    if (!is_wanted(kind)) return;
    auto event = std::make_shared<Event>();
    event->at = std::chrono::system_clock::now();
    event->kind = kind;
    event->fields.reserve(fields.size());
    for (const auto& field : fields)
        if (!is_empty(field)) event->fields.push_back({field.name, value_of(field)});
    Bus::instance().publish(std::move(event));
} catch (const std::exception& problem) {
    log::caught("no memory for an event", problem);
}

void publish_seldom(Kind kind, std::string_view of, std::initializer_list<log::Field> fields) {
    auto& bus = Bus::instance();
    {
        const std::lock_guard lock(bus.mutex);
        const auto what = std::string(row_of(kind).name).append(" ").append(of);
        if (!bus.repeats.admit(what, 1, std::chrono::steady_clock::now())) return;
    }
    publish(kind, fields);
}

std::vector<Shared> recent(const Filter& filter, std::uint64_t after, std::size_t max) {
    auto& bus = Bus::instance();
    const std::lock_guard lock(bus.mutex);
    return bus.find(filter, after, max);
}

Subscriber::Subscriber(Filter filter, std::function<void()> wake, std::uint64_t after)
    : box_(std::make_shared<Box>()) {
    box_->filter = std::move(filter);
    box_->wake = std::move(wake);
    auto& bus = Bus::instance();
    const std::lock_guard lock(bus.mutex);
    if (after != never)
        std::ranges::move(bus.find(box_->filter, after, waiting_max),
                          std::back_inserter(box_->waiting));
    bus.boxes.push_back(box_);
    bus.note_wanted();
}

Subscriber::~Subscriber() {
    auto& bus = Bus::instance();
    const std::lock_guard lock(bus.mutex);
    std::erase(bus.boxes, box_);
    bus.note_wanted();
}

Subscriber::Taken Subscriber::take(std::size_t max) {
    Taken taken;
    const std::lock_guard lock(box_->mutex);
    taken.lost = std::exchange(box_->lost, 0);
    const auto count = std::min(max, box_->waiting.size());
    taken.events.assign(
        std::make_move_iterator(box_->waiting.begin()),
        std::make_move_iterator(box_->waiting.begin() + static_cast<std::ptrdiff_t>(count)));
    box_->waiting.erase(box_->waiting.begin(),
                        box_->waiting.begin() + static_cast<std::ptrdiff_t>(count));
    return taken;
}

}  // namespace ballast::events
