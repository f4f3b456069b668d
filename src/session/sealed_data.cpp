// SPDX-License-Identifier: Apache-2.0
#include "session/sealed_data.h"

#include "metrics/counters.h"

namespace ballast::session {

SealedData::SealedData(Parts parts, std::unique_ptr<net::Stream> client)
    : parts_(std::move(parts)),
      client_(std::move(client)),
      began_at_(parts_.network.loop().now()),
      signal_(parts_.network.loop()) {
    metrics::count(metrics::Counter::data_connections_passed_through);
    ++parts_.traffic->open;
    report_.moved_from_a = parts_.uploaded;
    report_.moved_from_b = parts_.downloaded;
    job_ = loop::Job::start(run(), &parts_.owner);
}

SealedData::~SealedData() {
    if (!job_.has_ended()) reset();
    job_.cancel();
    const auto now = parts_.network.loop().now();
    parts_.traffic->end_began_at = report_.one_has_ended ? report_.one_ended_at : now;
    parts_.traffic->ended_at = now;
    --parts_.traffic->open;
    metrics::count(metrics::Counter::bytes_downloaded, report_.bytes_from_b);
    metrics::count(metrics::Counter::bytes_uploaded, report_.bytes_from_a);
}

void SealedData::reset() {
    if (client_) client_->reset();
    if (backend_) backend_->reset();
}

loop::Task<> SealedData::run() {
    problem_ = co_await carry();
    if (!problem_.empty()) reset();
    client_.reset();
    backend_.reset();
}

/// Returns what went wrong. Empty: nothing.
loop::Task<std::string> SealedData::carry() {
    auto& loop = parts_.network.loop();
    auto dialed = co_await parts_.network.dial(parts_.to, loop.after(parts_.connect_timeout));
    if (!dialed) co_return base::to_string(dialed.error());
    backend_ = std::move(*dialed);
    auto relaying = loop::Job::start(
        relay::relay_sealed(loop, *client_, *backend_, parts_.throttle, report_), &signal_);
    std::uint64_t counted = 0;
    while (!relaying.is_done()) {
        const bool one_had_ended = report_.one_has_ended;
        const auto more = one_had_ended ? parts_.end_timeout : std::chrono::milliseconds(0);
        const auto stalled_at = report_.moved_at + parts_.stall_timeout + more;
        if (loop.now() >= stalled_at) co_return "no data moved for too long";
        (void)co_await signal_.wait(stalled_at);
        const auto moved = report_.bytes_from_a + report_.bytes_from_b;
        const bool is_due = loop.now() >= stalled_at && !relaying.is_done();
        if (!is_due) continue;
        // An end gives the other side more time. Our own throttling also excuses a slow peer.
        const bool is_excused = one_had_ended != report_.one_has_ended || report_.was_held;
        if (!is_excused && moved - counted < parts_.stall_bytes) co_return "too little data moved";
        report_.was_held = false;
        counted = moved;
    }
    if (report_.has_failed) co_return report_.error ? report_.error.message() : "it was reset";
    co_return std::string();
}

}  // namespace ballast::session
