// SPDX-License-Identifier: Apache-2.0
#include "simulation/auditor.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace ballast::simulation {

namespace {

using metrics::Counter;

constexpr Counter counters[] = {
    Counter::sessions_accepted, Counter::logins,
    Counter::transfers_whole,   Counter::transfers_failed,
    Counter::transfers_aborted, Counter::transfers_refused,
    Counter::bytes_downloaded,  Counter::bytes_uploaded,
};

}  // namespace

Auditor::Auditor(Scene& scene) : scene_(scene) {
    for (const auto counter : counters) before_[counter] = metrics::total(counter);
}

// At any moment

void Auditor::look() {
    const auto views = scene_.balancer.sessions();
    std::uint32_t placing = 0;
    std::uint32_t transfers = 0;
    for (const auto& view : views) {
        // One that moves may have a seat on either backend.
        const bool may_hold = view.backend.empty() || view.phase == session::Phase::choosing ||
                              view.phase == session::Phase::queued ||
                              view.phase == session::Phase::moving;
        if (may_hold) ++placing;
        if (view.transfer) ++transfers;
    }
    EXPECT_EQ(scene_.balancer.load().transfers, transfers);
    // One for each leg, and one for each probe.
    EXPECT_LE(scene_.network.leases(), 2 * views.size() + scene_.servers.all().size());
    std::uint32_t seats = 0;
    std::uint32_t seated = 0;
    for (const auto& served : scene_.balancer.pools())
        for (const auto& status : served.pool->status()) {
            look_at_backend(served.pool->name(), status, views);
            seats += status.sessions;
            seated += static_cast<std::uint32_t>(std::ranges::count_if(
                views, [&](const auto& view) { return view.backend == status.backend.name; }));
        }
    // A session that is being placed has a seat that it does not show yet.
    EXPECT_LE(seats, seated + placing) << "a seat without a session";
    changes_seen_ = scene_.balancer.changes();
}

void Auditor::look_at_backend(const std::string& pool, const pool::Pool::Status& status,
                              const std::vector<session::View>& views) {
    const auto& name = status.backend.name;
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
    for (const auto& view : views) {
        if (view.backend != name) continue;
        EXPECT_EQ(view.pool, pool);
        ++sessions;
        if (view.transfer) ++transfers;
    }
    EXPECT_GE(status.sessions, sessions) << name << ": a session without a seat";
    EXPECT_EQ(status.transfers, transfers) << name << ": transfers";
    look_at_limits(status);
}

/// Nobody goes to a backend that is withdrawn or full.
void Auditor::look_at_limits(const pool::Pool::Status& status) {
    auto& seen = seen_[status.backend.name];
    const bool is_withdrawn = status.admin != pool::AdminState::ready;
    if (scene_.balancer.changes() == changes_seen_) {
        if (is_withdrawn && seen.is_withdrawn)
            EXPECT_LE(status.sessions, seen.sessions) << status.backend.name << " is withdrawn";
        const auto max = status.backend.settings->max_sessions;
        if (max != 0)
            EXPECT_LE(status.sessions, std::max(max, seen.sessions))
                << status.backend.name << " is full";
    }
    seen = {.sessions = status.sessions, .is_withdrawn = is_withdrawn};
}

// At the end

void Auditor::look_at_the_end() {
    look();
    EXPECT_EQ(scene_.balancer.session_count(), 0U);
    EXPECT_EQ(scene_.balancer.load().transfers, 0U);
    EXPECT_EQ(scene_.network.leases(), 0U);
    EXPECT_EQ(scene_.network.ports_pending(), 0U);
    for (const auto& served : scene_.balancer.pools()) {
        EXPECT_EQ(served.pool->waiting(), 0U);
        for (const auto& status : served.pool->status()) {
            EXPECT_EQ(status.sessions, 0U) << status.backend.name;
            EXPECT_EQ(status.transfers, 0U) << status.backend.name;
        }
    }
    for (const auto& server : scene_.servers.all())
        EXPECT_EQ(server.backend->sessions(), 0U) << server.name << " still has connections";
    expect_places_free();
    look_at_uploads();
    look_at_counters();
}

/// As many sessions as at the beginning may begin.
void Auditor::expect_places_free() {
    auto& ledger = scene_.balancer.ledger();
    std::vector<guard::Ledger::Held> held;
    const auto& listener = scene_.balancer.settings().listener;
    auto all = scene_.balancer.settings().sessions_max;
    if (listener.max_sessions != 0) all = std::min(all, listener.max_sessions);
    const auto later = scene_.loop.now() + std::chrono::hours(1);
    for (std::uint32_t i = 0; i < all; ++i) {
        const auto client = base::Ip::parse("203.0.113." + std::to_string(i)).value();
        auto place = ledger.enter(listener, client, later + i * std::chrono::seconds(1));
        EXPECT_TRUE(place.has_value()) << "place " << i << " of " << all << " is not free";
        if (place) held.push_back(std::move(*place));
    }
}

void Auditor::look_at_uploads() {
    for (const auto& server : scene_.servers.all())
        for (const auto& stored : server.backend->stored) {
            const auto found = scene_.book.uploads.find(stored.name);
            if (found == scene_.book.uploads.end()) {
                ADD_FAILURE() << stored.name << " was never uploaded";
                continue;
            }
            const auto& upload = found->second;
            EXPECT_TRUE(upload.content.starts_with(stored.bytes))
                << stored.name << ": bytes of something else";
            if (!stored.is_whole) continue;
            EXPECT_TRUE(upload.is_ended) << stored.name << ": a cut upload was stored as whole";
            EXPECT_EQ(stored.bytes.size(), upload.content.size())
                << stored.name << ": cut, but stored as whole";
        }
}

/// The counter is between what is known and what is possible.
void Auditor::expect_counted(Counter counter, const Book::Amount& amount) {
    const auto counted = metrics::total(counter) - before_[counter];
    const auto name = metrics::all_counters()[static_cast<std::size_t>(counter)].name;
    EXPECT_GE(counted, amount.known) << name;
    EXPECT_LE(counted, amount.known + amount.unsure) << name;
}

void Auditor::look_at_counters() {
    const auto& book = scene_.book;
    expect_counted(Counter::sessions_accepted, book.greeted);
    expect_counted(Counter::logins, book.logins);
    expect_counted(Counter::transfers_whole, book.whole);
    expect_counted(Counter::bytes_downloaded, book.bytes_downloaded);
    expect_counted(Counter::bytes_uploaded, book.bytes_uploaded);
    std::uint64_t transfers = 0;
    for (const auto counter : {Counter::transfers_whole, Counter::transfers_failed,
                               Counter::transfers_aborted, Counter::transfers_refused})
        transfers += metrics::total(counter) - before_[counter];
    EXPECT_GE(transfers, book.transfers.known);
    EXPECT_LE(transfers, book.transfers.known + book.transfers.unsure);
}

}  // namespace ballast::simulation
