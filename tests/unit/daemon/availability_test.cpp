// SPDX-License-Identifier: Apache-2.0
#include "daemon/availability.h"

#include <chrono>
#include <gtest/gtest.h>
#include <memory>

namespace ballast::daemon {
namespace {

using pool::AdminState;

class AvailabilityTest : public testing::Test {
protected:
    AvailabilityTest() {
        config::Pool settings;
        settings.name = "files";
        for (const char* const name : {"alf1", "alf2"}) {
            auto& backend = settings.backends.emplace_back();
            backend.name = name;
            backend.host = name == std::string_view("alf1") ? "10.0.0.1" : "10.0.0.2";
        }
        pool = std::make_shared<pool::Pool>(settings);
        pools.add({pool, nullptr});
    }

    guard::Ledger ledger{std::make_shared<const config::Limits>(), 1000,
                         std::chrono::steady_clock::now()};
    std::shared_ptr<pool::Pool> pool;
    session::Pools pools;
    Availability availability{ledger};
};

TEST_F(AvailabilityTest, a_drained_balancer_admits_nobody_and_its_sessions_may_still_log_in) {
    for (const auto state : {AdminState::draining, AdminState::draining_idle}) {
        availability.set(state, {}, pools);
        EXPECT_EQ(availability.state(), state);
        EXPECT_TRUE(ledger.admits_none());
        EXPECT_TRUE(pool->choose({}, {}));
    }
    availability.set(AdminState::ready, {}, pools);
    EXPECT_FALSE(ledger.admits_none());
}

TEST_F(AvailabilityTest, a_disabled_balancer_ends_the_sessions_on_all_backends) {
    const auto seat = pool->choose({}, {});
    availability.set(AdminState::disabled, {}, pools);
    EXPECT_EQ(seat->admin(), AdminState::disabled);
    EXPECT_FALSE(pool->choose({}, {}));
    availability.set(AdminState::draining, {}, pools);
    EXPECT_EQ(seat->admin(), AdminState::ready);
}

TEST_F(AvailabilityTest, leaves_the_states_of_single_backends_alone) {
    pool->administer("alf1", AdminState::draining);
    availability.set(AdminState::disabled, {}, pools);
    EXPECT_EQ(pool->status()[0].admin, AdminState::draining);
    availability.set(AdminState::ready, {}, pools);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(pool->choose({}, {})->backend().name, "alf2");
}

TEST_F(AvailabilityTest, is_that_of_later_pools_too) {
    availability.set(AdminState::disabled, {}, pools);
    const auto later = std::make_shared<pool::Pool>(*pool->settings());
    availability.apply_to(*later);
    EXPECT_FALSE(later->choose({}, {}));
}

}  // namespace
}  // namespace ballast::daemon
