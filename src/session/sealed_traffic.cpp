// SPDX-License-Identifier: Apache-2.0
#include "session/sealed_traffic.h"

#include "metrics/counters.h"
#include "session/throttle.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ballast::session {

SealedTraffic::SealedTraffic(Context& context, base::Ip source)
    : context_(context),
      source_(source),
      is_transparent_(context.assignment.settings().source.kind == config::Source::Kind::client &&
                      source == context.client.peer().ip) {
    const auto& ports = context.assignment.backend().settings->passive_ports;
    if (!ports) return;
    admission_ = context.network().admit({.range = {*ports, context.client.local().ip},
                                          .client = context.client.peer().ip,
                                          .binding = net::binding_of(context.settings.free_bind)});
    admission_->attach(&context.signal);
    traffic_ = admission_->traffic();
}

void SealedTraffic::look() {
    for (const auto& each : open_)
        if (each.is_over()) report(each);
    std::erase_if(open_, [](const auto& each) { return each.is_over(); });
    while (auto arrived = admission_ ? admission_->take() : nullptr) take_in(std::move(arrived));
    if (admission_) admission_->share() = static_cast<std::uint32_t>(open_.size());
    if (open_.empty()) counted_.reset();
}

void SealedTraffic::close() { admission_.reset(); }

loop::Time SealedTraffic::ended_at() const {
    return traffic_ ? traffic_->ended_at.load() : loop::Time();
}

bool SealedTraffic::awaits_reply(loop::Time backend_spoke_at) const {
    const auto ended = ended_at();
    return ended != loop::Time() && backend_spoke_at < traffic_->end_began_at.load() &&
           context_.now() < ended + context_.assignment.settings().final_reply_timeout;
}

/// Drops the oldest connection without a byte. It may belong to another session of this address.
bool SealedTraffic::make_room() {
    if (open_.size() < net::Admissions::open_max) return true;
    metrics::count(metrics::Counter::data_connections_stray);
    const auto unused =
        std::ranges::find_if(open_, [](const auto& each) { return each.is_unused(); });
    if (unused == open_.end()) return false;
    open_.erase(unused);
    return true;
}

void SealedTraffic::take_in(std::unique_ptr<net::Stream> arrived) {
    if (!make_room()) return arrived->reset();
    auto place = context_.ledger().begin_transfer();
    if (!place) {
        context_.reached(place.error());
        metrics::count(metrics::Counter::data_connections_stray);
        return arrived->reset();
    }
    if (!counted_) counted_.emplace(context_.assignment.seat(), context_.surroundings);
    const auto& pool = context_.assignment.settings();
    const base::Address to{context_.assignment.backend().address.ip, arrived->local().port};
    open_.emplace_back(SealedData::Parts{context_.network(),
                                         {.to = to,
                                          .from = source_,
                                          .is_transparent = is_transparent_,
                                          .fault = base::Fault::backend},
                                         pool.connect_timeout,
                                         context_.settings.data_stall_timeout,
                                         context_.settings.data_stall_bytes,
                                         pool.final_reply_timeout,
                                         counted_->bytes(metrics::Direction::download),
                                         counted_->bytes(metrics::Direction::upload),
                                         traffic_,
                                         std::move(*place),
                                         throttle_of(context_, {}, {}),
                                         context_.signal},
                       std::move(arrived));
}

/// Each connection gets one line, like a transfer.
void SealedTraffic::report(const SealedData& data) {
    const auto& moved = data.report();
    ++context_.totals.transfers;
    context_.totals.bytes += moved.bytes_from_a + moved.bytes_from_b;
    const std::chrono::duration<double> seconds = data.time();
    context_.report(log::Level::info, "data connection ended",
                    {{"port", std::uint64_t{data.port()}},
                     {"bytes_down", moved.bytes_from_b},
                     {"bytes_up", moved.bytes_from_a},
                     {"seconds", seconds.count()},
                     {"reason", data.problem()}},
                    Context::Repeats::all);
    context_.story.note(
        context_.now(), Fact::sealed_data,
        {data.port(), moved.bytes_from_b, moved.bytes_from_a, data.problem(), data.time()});
}

}  // namespace ballast::session
