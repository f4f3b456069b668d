// SPDX-License-Identifier: Apache-2.0
#include "net/passive_ports.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;

class PassivePortsTest : public testing::Test {
protected:
    static base::Ip ip(const std::string& text) { return base::Ip::parse(text).value(); }
    static DataPeers only(const base::Ip& client) {
        DataPeers peers;
        peers.address = client;
        return peers;
    }
    std::optional<PassivePorts::Lent> lend(const base::PortRange& range, const base::Ip& client,
                                           std::uint32_t worker = 0) {
        return ports.lend(range, local, only(client), worker, now);
    }

    PassivePorts ports{1};
    const base::Ip local = ip("192.0.2.1");
    const base::Ip anna = ip("198.51.100.7");
    const base::Ip bert = ip("198.51.100.8");
    const base::PortRange one{20000, 20000};
    const base::PortRange three{20000, 20002};
    loop::Time now{std::chrono::hours(1)};
};

TEST_F(PassivePortsTest, one_port_serves_several_client_addresses) {
    const auto first = lend(one, anna);
    const auto second = lend(one, bert);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->port, 20000);
    EXPECT_EQ(second->port, 20000);
    EXPECT_TRUE(first->needs_listening);
    EXPECT_FALSE(second->needs_listening);
    EXPECT_EQ(ports.arrived({local, 20000}, bert, now)->id, second->id);
    EXPECT_EQ(ports.arrived({local, 20000}, anna, now)->id, first->id);
}

TEST_F(PassivePortsTest, several_pending_transfers_of_one_client_get_different_ports) {
    std::set<std::uint16_t> seen;
    for (int i = 0; i < 3; ++i) seen.insert(lend(three, anna)->port);
    EXPECT_EQ(seen.size(), 3);
    EXPECT_FALSE(lend(three, anna));
    EXPECT_TRUE(lend(three, bert));
}

TEST_F(PassivePortsTest, a_port_for_several_addresses_is_lent_to_one_transfer_alone) {
    auto anyone = only(anna);
    anyone.anyone = true;
    const auto open = ports.lend(one, local, anyone, 0, now);
    ASSERT_TRUE(open);
    EXPECT_FALSE(lend(one, anna));
    EXPECT_FALSE(lend(one, bert));
    EXPECT_FALSE(ports.lend(one, local, anyone, 0, now));
    EXPECT_EQ(ports.pending(), 1U);
    EXPECT_EQ(ports.arrived({local, 20000}, ip("203.0.113.99"), now)->id, open->id);
    EXPECT_FALSE(ports.arrived({local, 20000}, anna, now));
    // And the other way round: a port that waits for one client is not lent to several.
    const auto annas = lend(one, anna);
    ASSERT_TRUE(annas);
    EXPECT_FALSE(ports.lend(one, local, anyone, 0, now));
    ports.give_back({local, 20000}, anna, annas->id, now);
    EXPECT_FALSE(ports.lend(one, local, anyone, 0, now));
    EXPECT_TRUE(ports.lend(one, local, anyone, 0, now + PassivePorts::quarantined_for));
}

TEST_F(PassivePortsTest, a_stranger_does_not_end_an_exclusive_lending) {
    auto neighbours = only(anna);
    neighbours.network = base::Subnet::parse("198.51.100.0/24");
    const auto lent = ports.lend(one, local, neighbours, 0, now);
    ASSERT_TRUE(lent);
    EXPECT_FALSE(ports.arrived({local, 20000}, ip("203.0.113.99"), now));
    EXPECT_EQ(ports.arrived({local, 20000}, bert, now)->id, lent->id);
    auto exclusive = only(anna);
    exclusive.exclusive = true;
    const auto again = ports.lend(one, local, exclusive, 0, now);
    ASSERT_TRUE(again);
    EXPECT_FALSE(ports.arrived({local, 20000}, bert, now));
    ports.give_back({local, 20000}, anna, again->id, now);
    EXPECT_FALSE(lend(one, bert));
    EXPECT_FALSE(
        ports.arrived({local, 20000}, anna, now));  // the late connection, which ends the wait
    EXPECT_TRUE(lend(one, bert));
}

TEST_F(PassivePortsTest, a_flooded_port_is_lent_last_for_a_while) {
    EXPECT_TRUE(ports.spare({local, 20001}, now));
    EXPECT_FALSE(ports.spare({local, 20001}, now));
    std::set<std::uint16_t> first_two;
    for (int i = 0; i < 2; ++i) first_two.insert(lend(three, anna)->port);
    EXPECT_EQ(first_two, (std::set<std::uint16_t>{20000, 20002}));
    EXPECT_EQ(lend(three, anna)->port, 20001);
    now += PassivePorts::spared_for;
    EXPECT_TRUE(ports.spare({local, 20001}, now));
}

TEST_F(PassivePortsTest, different_local_addresses_have_their_own_ports) {
    ASSERT_TRUE(lend(one, anna));
    const auto other = ports.lend(one, ip("192.0.2.2"), only(anna), 0, now);
    ASSERT_TRUE(other);
    EXPECT_TRUE(other->needs_listening);
}

TEST_F(PassivePortsTest, an_unused_lending_expires) {
    const auto lent = lend(one, anna);
    now += PassivePorts::lent_for - 1ms;
    EXPECT_FALSE(lend(one, anna));
    now += 1ms;
    EXPECT_FALSE(ports.arrived({local, 20000}, anna, now));
    const auto again = lend(one, anna);
    ASSERT_TRUE(again);
    // The first lease now refers to a lending that is over.
    ports.give_back({local, 20000}, anna, lent->id, now);
    EXPECT_EQ(ports.arrived({local, 20000}, anna, now)->id, again->id);
    auto anyone = only(anna);
    anyone.anyone = true;
    const auto open = ports.lend(one, local, anyone, 0, now);
    now += PassivePorts::lent_for;
    EXPECT_FALSE(ports.arrived({local, 20000}, bert, now));
    ASSERT_TRUE(ports.lend(one, local, anyone, 0, now));
    ports.give_back({local, 20000}, anna, open->id, now);
    EXPECT_TRUE(ports.arrived({local, 20000}, bert, now));
}

TEST_F(PassivePortsTest, a_lending_that_a_transfer_waits_for_does_not_expire) {
    const auto lent = lend(one, anna);
    ports.keep({local, 20000}, anna, lent->id, loop::never);
    now += std::chrono::hours(1);
    EXPECT_FALSE(lend(one, anna));
    // There was no transfer.
    ports.keep({local, 20000}, anna, lent->id, lent->until);
    EXPECT_TRUE(lend(one, anna));
}

TEST_F(PassivePortsTest, a_connection_ends_the_lending) {
    ASSERT_TRUE(lend(one, anna));
    EXPECT_EQ(ports.pending(), 1);
    EXPECT_TRUE(ports.arrived({local, 20000}, anna, now));
    EXPECT_EQ(ports.pending(), 0);
    EXPECT_FALSE(ports.arrived({local, 20000}, anna, now));
    EXPECT_TRUE(lend(one, anna));
}

TEST_F(PassivePortsTest, a_stranger_gets_nothing) {
    ASSERT_TRUE(lend(one, anna));
    EXPECT_FALSE(ports.arrived({local, 20000}, bert, now));
    EXPECT_FALSE(ports.arrived({local, 20001}, anna, now));
    EXPECT_FALSE(ports.arrived({ip("192.0.2.9"), 20000}, anna, now));
    EXPECT_TRUE(ports.arrived({local, 20000}, anna, now));
}

TEST_F(PassivePortsTest, a_quarantined_port_is_kept_from_its_client_only) {
    const auto lent = lend(one, anna);
    ports.give_back({local, 20000}, anna, lent->id, now);
    EXPECT_EQ(ports.pending(), 0);
    EXPECT_FALSE(lend(one, anna));
    EXPECT_TRUE(lend(one, bert));
    now += PassivePorts::quarantined_for;
    EXPECT_TRUE(lend(one, anna));
}

TEST_F(PassivePortsTest, says_how_many_ports_of_a_range_are_lent_or_kept) {
    const auto usage = [&](const base::PortRange& range) {
        const auto found = ports.usage(range, now);
        return std::pair(found.lent, found.kept);
    };
    EXPECT_EQ(usage(three), std::pair(0U, 0U));
    const auto first = lend(three, anna);
    ASSERT_TRUE(lend(three, anna));
    EXPECT_EQ(usage(three), std::pair(2U, 0U));
    ports.give_back({local, first->port}, anna, first->id, now);
    EXPECT_EQ(usage(three), std::pair(1U, 1U));
    // For another client the same number is in use, and counts once.
    ASSERT_TRUE(ports.lend({first->port, first->port}, ip("192.0.2.2"), only(bert), 0, now));
    EXPECT_EQ(usage(three), std::pair(2U, 0U));
    EXPECT_EQ(usage({30000, 30009}), std::pair(0U, 0U));
    now += PassivePorts::lent_for + PassivePorts::quarantined_for;
    EXPECT_EQ(usage(three), std::pair(0U, 0U));
}

TEST_F(PassivePortsTest, a_quarantine_ends_when_the_late_connection_arrives) {
    const auto lent = lend(one, anna);
    ports.give_back({local, 20000}, anna, lent->id, now);
    EXPECT_FALSE(ports.arrived({local, 20000}, anna, now));
    EXPECT_TRUE(lend(one, anna));
}

TEST_F(PassivePortsTest, a_client_that_asks_and_gives_back_without_end_leaves_ports_to_neighbours) {
    const base::PortRange hundred{20000, 20099};
    PassivePorts::LeaseId holder = 0;
    std::vector<std::uint16_t> given_back;
    for (int i = 0; i < 100; ++i) {
        const auto lent = ports.lend(hundred, local, only(anna), 0, now, holder);
        ASSERT_TRUE(lent);
        holder = lent->holder;
        ports.give_back({local, lent->port}, anna, lent->id, now);
        given_back.push_back(lent->port);
        now += 1ms;
    }
    std::set<std::uint16_t> neighbours;
    while (const auto lent = lend(hundred, anna)) neighbours.insert(lent->port);
    EXPECT_GE(neighbours.size(), 100 - PassivePorts::quarantines_per_holder_max);
    // Its last quarantines remain.
    EXPECT_FALSE(neighbours.contains(given_back.back()));
}

TEST_F(PassivePortsTest, sessions_that_come_and_go_leave_ports_to_neighbours) {
    for (const bool is_exclusive : {false, true}) {
        const base::PortRange twenty{20000, 20019};
        PassivePorts table(7);
        auto peers = only(anna);
        peers.anyone = is_exclusive;
        std::uint16_t last = 0;
        for (int i = 0; i < 100; ++i) {
            const auto lent = table.lend(twenty, local, peers, 0, now);
            ASSERT_TRUE(lent) << i;
            table.give_back({local, lent->port}, anna, lent->id, now);
            last = lent->port;
            now += 1ms;
        }
        for (int i = 0; i < 15; ++i) {
            const auto lent = table.lend(twenty, local, peers, 0, now);
            ASSERT_TRUE(lent) << i;
            EXPECT_NE(lent->port, last);
        }
    }
}

TEST_F(PassivePortsTest, a_session_alone_on_its_port_gets_it_again) {
    const auto first = lend(one, anna);
    ports.give_back({local, 20000}, anna, first->id, now);
    EXPECT_FALSE(lend(one, anna));
    EXPECT_TRUE(ports.lend(one, local, only(anna), 0, now, first->holder));
}

TEST_F(PassivePortsTest, an_address_has_only_a_share_of_exclusive_ports) {
    const base::PortRange four{20000, 20003};
    const auto open_to = [&](const base::Ip& client) {
        auto peers = only(client);
        peers.anyone = true;
        return ports.lend(four, local, peers, 0, now);
    };
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(open_to(anna));
    EXPECT_FALSE(open_to(anna));
    EXPECT_TRUE(open_to(bert));
}

TEST_F(PassivePortsTest, a_port_that_cannot_be_opened_is_avoided_for_a_while) {
    ASSERT_TRUE(lend(one, anna)->needs_listening);
    ports.listening_failed({local, 20000}, anna, now + PassivePorts::unusable_for);
    EXPECT_EQ(ports.pending(), 0);
    EXPECT_FALSE(lend(one, anna));
    EXPECT_FALSE(lend(one, bert));
    now += PassivePorts::unusable_for;
    EXPECT_TRUE(lend(one, anna)->needs_listening);
}

TEST_F(PassivePortsTest, a_worker_gets_ports_that_it_listens_on_itself_first) {
    const base::PortRange two{20000, 20001};
    const auto mine = lend(two, anna, 1);
    ASSERT_TRUE(mine->needs_listening);
    const auto others = lend(two, anna, 2);
    ASSERT_TRUE(others->needs_listening);
    for (int i = 0; i < 20; ++i) {
        const auto lent = lend(two, bert, 2);
        EXPECT_EQ(lent->port, others->port);
        EXPECT_EQ(ports.arrived({local, lent->port}, bert, now)->worker, 2);
    }
    // If its own port is taken, another worker's will do.
    EXPECT_EQ(lend(two, bert, 2)->port, others->port);
    const auto foreign = lend(two, bert, 2);
    EXPECT_EQ(foreign->port, mine->port);
    EXPECT_FALSE(foreign->needs_listening);
}

TEST_F(PassivePortsTest, ports_are_not_lent_in_a_row) {
    const base::PortRange many{20000, 20999};
    int neighbours = 0;
    std::uint16_t last = 0;
    for (int i = 0; i < 100; ++i) {
        const auto port = lend(many, ip("10.0.0." + std::to_string(i)))->port;
        neighbours += port == last + 1 ? 1 : 0;
        last = port;
    }
    EXPECT_LT(neighbours, 10);
}

TEST_F(PassivePortsTest, entries_of_thousands_of_clients_that_never_come_do_not_stay_for_ever) {
    for (int i = 0; i < 5000; ++i) {
        const auto text = "10." + std::to_string(i / 65536) + '.' + std::to_string(i / 256 % 256) +
                          '.' + std::to_string(i % 256);
        const auto lent = lend(one, ip(text));
        ASSERT_TRUE(lent);
        ports.give_back({local, 20000}, ip(text), lent->id, now);
        now += 1s;
    }
    EXPECT_LE(ports.pending(), 200);
}

TEST_F(PassivePortsTest, never_lends_the_same_thing_twice_at_a_time) {
    using Key = std::tuple<base::Ip, std::uint16_t, base::Ip>;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        PassivePorts table(seed);
        const base::PortRange range{20000, static_cast<std::uint16_t>(20000 + random() % 6)};
        std::map<Key, PassivePorts::Lent> live;
        std::map<Key, loop::Time> quarantined;
        for (int step = 0; step < 3000; ++step) {
            now += std::chrono::milliseconds(random() % 4000);
            const auto here = ip("192.0.2." + std::to_string(1 + random() % 2));
            const auto client = ip("198.51.100." + std::to_string(1 + random() % 4));
            const auto worker = static_cast<std::uint32_t>(random() % 3);
            if (random() % 2 == 0 || live.empty()) {
                const auto lent = table.lend(range, here, only(client), worker, now);
                if (!lent) {
                    // Refused only if every port is lent to this client or in quarantine for it.
                    for (std::uint32_t port = range.first; port <= range.last; ++port) {
                        const Key key{here, static_cast<std::uint16_t>(port), client};
                        const auto kept = quarantined.find(key);
                        const auto held = live.find(key);
                        EXPECT_TRUE((held != live.end() && held->second.until > now) ||
                                    (kept != quarantined.end() && kept->second > now));
                    }
                    continue;
                }
                ASSERT_TRUE(range.contains(lent->port));
                const Key key{here, lent->port, client};
                const auto held = live.find(key);
                ASSERT_TRUE(held == live.end() || held->second.until <= now);
                live[key] = *lent;
                quarantined.erase(key);
                continue;
            }
            auto entry = live.begin();
            std::advance(entry, static_cast<std::ptrdiff_t>(random() % live.size()));
            const auto [address, port, who] = entry->first;
            if (random() % 2 == 0) {
                const auto taker = table.arrived({address, port}, who, now);
                ASSERT_EQ(taker.has_value(), entry->second.until > now);
                ASSERT_TRUE(!taker || taker->id == entry->second.id);
            } else {
                table.give_back({address, port}, who, entry->second.id, now);
                if (entry->second.until > now)
                    quarantined[entry->first] = now + PassivePorts::quarantined_for;
            }
            live.erase(entry);
        }
    }
}

TEST_F(PassivePortsTest, a_control_connection_at_its_limit_is_skipped) {
    const Admissions::Range slice{{30000, 30002}, local};
    const auto first = ports.admit(slice, anna, 0, now);
    const auto second = ports.admit(slice, anna, 1, now);
    const auto taker = [&] { return ports.arrived({local, 30000}, anna, now)->id; };
    for (std::uint32_t i = 0; i < Admissions::open_max; ++i) {
        EXPECT_EQ(taker(), first.id);
        EXPECT_EQ(taker(), second.id);
    }
    EXPECT_EQ(*first.share, Admissions::open_max);
    // A new one has room, although it is another one's turn.
    const auto third = ports.admit(slice, anna, 0, now);
    for (std::uint32_t i = 0; i < Admissions::open_max; ++i) EXPECT_EQ(taker(), third.id);
    *second.share = 0;
    EXPECT_EQ(taker(), second.id);
    // If all are full they take turns again, because one may get room.
    *second.share = Admissions::open_max;
    EXPECT_NE(taker(), taker());
}

TEST_F(PassivePortsTest, admits_addresses_to_whole_ranges_until_they_are_dismissed) {
    const Admissions::Range slice{{30000, 30002}, local};
    const auto first = ports.admit(slice, anna, 0, now);
    EXPECT_EQ(first.needs_listening, (std::vector<std::uint16_t>{30000, 30001, 30002}));
    const auto second = ports.admit(slice, anna, 1, now);
    EXPECT_TRUE(second.needs_listening.empty());
    EXPECT_EQ(first.traffic, second.traffic);
    EXPECT_NE(first.traffic, ports.admit(slice, bert, 0, now).traffic);

    // They take turns, on every port of the range.
    const auto taker = [&](std::uint16_t port, const base::Ip& from) {
        const auto found = ports.arrived({local, port}, from, now);
        return found ? found->id : 0;
    };
    EXPECT_EQ(taker(30000, anna), first.id);
    EXPECT_EQ(taker(30002, anna), second.id);
    EXPECT_EQ(taker(30000, anna), first.id);
    EXPECT_EQ(taker(30003, anna), 0);
    EXPECT_EQ(taker(30000, ip("198.51.100.9")), 0);
    ports.dismiss(slice, anna, first.id);
    EXPECT_EQ(taker(30000, anna), second.id);
    EXPECT_EQ(taker(30000, anna), second.id);
    ports.dismiss(slice, anna, second.id);
    EXPECT_EQ(taker(30000, anna), 0);
    EXPECT_NE(taker(30000, bert), 0);
    // A port that could not be opened is tried again later.
    ports.listening_failed({local, 30001}, anna, now + PassivePorts::unusable_for);
    EXPECT_TRUE(ports.admit(slice, anna, 0, now).needs_listening.empty());
    EXPECT_EQ(ports.admit(slice, anna, 0, now + PassivePorts::unusable_for).needs_listening,
              (std::vector<std::uint16_t>{30001}));
}

TEST_F(PassivePortsTest, a_port_of_no_configuration_is_retired_when_nobody_waits_there) {
    ports.configure({.in_use = {{{local}, one}}});
    const auto kept = lend(one, anna);
    ASSERT_TRUE(kept);
    ASSERT_TRUE(ports.arrived({local, 20000}, anna, now));
    EXPECT_FALSE(ports.retire({local, 20000}, now));
    // The same range at another address is not this port.
    ports.configure({.in_use = {{{ip("192.0.2.9")}, one}}});
    const auto waiting = lend(one, anna);
    ASSERT_TRUE(waiting);
    EXPECT_FALSE(ports.retire({local, 20000}, now));
    ports.give_back({local, 20000}, anna, waiting->id, now);
    EXPECT_FALSE(ports.retire({local, 20000}, now)) << "it is in quarantine";
    now += PassivePorts::quarantined_for + 1s;
    EXPECT_TRUE(ports.retire({local, 20000}, now));
    // A session of the former configuration needs it again.
    const auto again = lend(one, anna);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->needs_listening);
}

TEST_F(PassivePortsTest, a_port_on_another_machines_address_is_retired_when_nobody_waits_there) {
    ports.configure({.in_use = {{{local}, one}}});
    const auto waiting = lend(one, anna);
    ASSERT_TRUE(waiting);
    EXPECT_FALSE(ports.retire({local, 20000}, now, true));
    ASSERT_TRUE(ports.arrived({local, 20000}, anna, now));
    EXPECT_FALSE(ports.retire({local, 20000}, now)) << "the range is in use";
    EXPECT_TRUE(ports.retire({local, 20000}, now, true));
}

TEST_F(PassivePortsTest, a_port_of_standing_admissions_is_not_retired) {
    const Admissions::Range range{one, local};
    const auto admitted = ports.admit(range, anna, 0, now);
    EXPECT_FALSE(ports.retire({local, 20000}, now));
    ports.dismiss(range, anna, admitted.id);
    EXPECT_TRUE(ports.retire({local, 20000}, now));
}

TEST_F(PassivePortsTest, an_unspecified_address_stands_for_its_family) {
    const PassivePorts::Ports all{{base::Ip::any(base::Family::ipv4)}, one};
    EXPECT_TRUE(all.contain({local, 20000}));
    EXPECT_FALSE(all.contain({ip("2001:db8::1"), 20000}));
    EXPECT_FALSE(all.contain({local, 20001}));
}

}  // namespace
}  // namespace ballast::net
