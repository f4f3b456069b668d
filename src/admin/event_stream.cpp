// SPDX-License-Identifier: Apache-2.0
#include "admin/event_stream.h"

#include "admin/event_text.h"

#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace ballast::admin {

namespace {

/// How much is sent at once.
constexpr std::size_t chunk_bytes = 48UL * 1024;
constexpr std::size_t events_at_once = 32;

void append_event(std::string& to, const events::Event& event) {
    fmt::format_to(std::back_inserter(to), "id: {}\nevent: {}\ndata: {}\n\n", id_of(event),
                   events::row_of(event.kind).name, to_json(event));
}

std::uint64_t start_of(const std::optional<std::string>& last_id) {
    return last_id ? number_from(*last_id) : events::Subscriber::never;
}

}  // namespace

EventStream::EventStream(loop::Loop& loop, events::Filter filter,
                         const std::optional<std::string>& last_id)
    : loop_(loop),
      subscriber_(
          std::move(filter),
          [&loop, waiting = std::weak_ptr(waiting_)] {
              loop.post([waiting] {
                  const auto there = waiting.lock();
                  if (there && there->signal != nullptr) there->signal->raise();
              });
          },
          start_of(last_id)),
      due_(loop.after(heartbeat)) {}

/// A comment shows the client, and proxies on the way, that the stream is alive.
bool EventStream::take(std::string& into) {
    const auto before = into.size();
    if (!std::exchange(has_begun_, true)) into += ": events of Ballast\n\n";
    while (into.size() - before < chunk_bytes) {
        const auto [events, lost] = subscriber_.take(events_at_once);
        if (lost > 0)
            fmt::format_to(std::back_inserter(into), "event: lost\ndata: {{\"events\":{}}}\n\n",
                           lost);
        for (const auto& event : events) append_event(into, *event);
        if (events.size() < events_at_once) break;
    }
    const auto now = loop_.now();
    if (into.size() == before && now >= due_) into += ":\n\n";
    if (into.size() != before) due_ = now + heartbeat;
    return true;
}

}  // namespace ballast::admin
