// SPDX-License-Identifier: Apache-2.0
#include "pool/transfer_scope.h"

#include "pool/pool.h"

#include <gtest/gtest.h>
#include <utility>

namespace ballast::pool {
namespace {

base::Ip ip(std::string_view text) { return base::Ip::parse(text).value(); }

std::shared_ptr<Pool> pool_of(std::size_t backends) {
    config::Pool made;
    made.name = "files";
    made.balance = balance::find_policy("round-robin");
    for (std::size_t i = 1; i <= backends; ++i) {
        config::Backend backend;
        backend.name = "alf" + std::to_string(i);
        backend.host = "10.0.0." + std::to_string(i);
        made.backends.push_back(backend);
    }
    return std::make_shared<Pool>(made);
}

std::uint32_t transfers_on(const Pool& pool, BackendId id) {
    for (const auto& status : pool.status())
        if (status.backend.id == id) return status.transfers;
    return 0;
}

TEST(TransferScope, counts_one_transfer_until_it_is_destroyed) {
    const auto pool = pool_of(1);
    const auto seat = pool->choose({}, {});
    const auto id = seat->backend().id;
    {
        const auto one = seat->begin_transfer();
        EXPECT_EQ(transfers_on(*pool, id), 1);
        const auto other = seat->begin_transfer();
        EXPECT_EQ(transfers_on(*pool, id), 2);
    }
    EXPECT_EQ(transfers_on(*pool, id), 0);
}

TEST(TransferScope, counts_once_however_often_it_is_moved) {
    const auto pool = pool_of(1);
    const auto seat = pool->choose({}, {});
    const auto id = seat->backend().id;
    auto scope = seat->begin_transfer();
    auto moved = std::move(scope);
    EXPECT_EQ(transfers_on(*pool, id), 1);
    moved = seat->begin_transfer();
    EXPECT_EQ(transfers_on(*pool, id), 1);
    auto& same = moved;
    moved = std::move(same);
    EXPECT_EQ(transfers_on(*pool, id), 1);
    moved = TransferScope();
    EXPECT_EQ(transfers_on(*pool, id), 0);
}

TEST(TransferScope, stays_on_the_backend_where_it_began_when_the_session_changes_its_seat) {
    const auto pool = pool_of(2);
    auto seat = pool->choose({}, {});
    const auto before = seat->backend().id;
    auto scope = seat->begin_transfer();
    seat = pool->choose({}, std::array{before});
    const auto after = seat->backend().id;
    ASSERT_NE(before, after);
    EXPECT_EQ(transfers_on(*pool, before), 1);
    EXPECT_EQ(transfers_on(*pool, after), 0);
    scope = seat->begin_transfer();
    EXPECT_EQ(transfers_on(*pool, before), 0);
    EXPECT_EQ(transfers_on(*pool, after), 1);
    *seat = Seat();
    EXPECT_EQ(transfers_on(*pool, after), 1) << "a seat that is given back ends no transfer";
}

TEST(TransferScope, adds_bytes_to_the_backend_where_it_began) {
    const auto pool = pool_of(2);
    auto seat = pool->choose({}, {});
    const auto one = seat->begin_transfer();
    const auto bytes = one.bytes(metrics::Direction::upload);
    *bytes += 5;
    EXPECT_EQ(*seat->begin_transfer().bytes(metrics::Direction::upload), 5)
        << "all transfers of a backend share its count";
    seat = pool->choose({}, std::array{seat->backend().id});
    *bytes += 5;
    EXPECT_EQ(*seat->begin_transfer().bytes(metrics::Direction::upload), 0);
    EXPECT_EQ(*one.bytes(metrics::Direction::upload), 10);
}

TEST(TransferScope, of_no_seat_counts_nothing) {
    const auto scope = Seat().begin_transfer();
    EXPECT_EQ(scope.bytes(metrics::Direction::upload), nullptr);
}

TEST(TransferScope, may_outlive_seat_and_pool) {
    TransferScope scope;
    {
        const auto pool = pool_of(1);
        scope = pool->choose({}, {})->begin_transfer();
    }
    *scope.bytes(metrics::Direction::upload) += 1;
    scope = TransferScope();
}

TEST(TransferScope, keeps_the_count_of_a_backend_whose_name_lost_its_address) {
    config::Pool settings;
    settings.name = "files";
    settings.backends.emplace_back().name = "alf";
    settings.backends.front().host = "ftp.example.org";
    const auto pool = std::make_shared<Pool>(settings);
    const auto named = pool->backends().front();
    const Target target{.address = {ip("10.0.0.1"), 21}};
    pool->set_targets(named, {{target}});
    auto seat = pool->choose({}, {});
    auto scope = seat->begin_transfer();
    pool->set_targets(named, {});
    *seat = Seat();
    EXPECT_TRUE(pool->status().empty());
    pool->set_targets(named, {{target}});
    EXPECT_EQ(pool->status().at(0).transfers, 1);
    scope = TransferScope();
    EXPECT_EQ(pool->status().at(0).transfers, 0);
}

}  // namespace
}  // namespace ballast::pool
