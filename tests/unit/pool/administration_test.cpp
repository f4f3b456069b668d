// SPDX-License-Identifier: Apache-2.0
// What the administrator decides about backends: drain, disable, ready.
#include "loop/loop.h"
#include "pool/pool.h"
#include "support/log_lines.h"
#include "support/test_loop.h"

#include <array>
#include <gtest/gtest.h>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

base::Ip ip(const char* text) { return base::Ip::parse(text).value(); }

constexpr std::array out_states = {AdminState::draining, AdminState::draining_idle,
                                   AdminState::disabled};

class AdministrationTest : public testing::Test {
protected:
    AdministrationTest() {
        config.name = "files";
        config.balance = balance::find_policy("round-robin");
        config.probe.rise = 1;
        config.probe.fall = 1;
        for (const char* const host : {"10.0.0.11", "10.0.0.12"}) {
            config::Backend backend;
            backend.name = "alf" + std::to_string(config.backends.size() + 1);
            backend.host = host;
            config.backends.push_back(backend);
        }
    }
    Pool& pool() {
        if (!made_) made_ = std::make_shared<Pool>(config, [this] { return loop.now(); });
        return *made_;
    }
    std::expected<Seat, Refusal> choose(std::string_view user = "anna") {
        return pool().choose({ip("192.0.2.7"), user}, {});
    }
    static std::string name_of(const std::expected<Seat, Refusal>& seat) {
        return seat ? seat->backend().name : std::string(to_string(seat.error()));
    }
    AdminState state_of(std::size_t index) { return pool().status().at(index).admin; }

    support::TestLoop loop;
    config::Pool config;

private:
    std::shared_ptr<Pool> made_;
};

TEST(AdminState, has_a_name_that_leads_back_to_it) {
    for (const auto state :
         {AdminState::ready, AdminState::draining, AdminState::draining_idle, AdminState::disabled})
        EXPECT_EQ(admin_state_from(to_string(state)), state);
    for (const char* const none : {"", "Ready", "drained", "drain "})
        EXPECT_EQ(admin_state_from(none), std::nullopt) << none;
}

TEST_F(AdministrationTest, gives_no_session_to_a_backend_that_is_not_ready) {
    for (const auto state : out_states) {
        EXPECT_TRUE(pool().administer("alf1", state));
        for (int i = 0; i < 4; ++i) EXPECT_EQ(name_of(choose()), "alf2") << to_string(state);
        EXPECT_TRUE(pool().administer("alf1", AdminState::ready));
        EXPECT_NE(name_of(choose()), name_of(choose()));
    }
}

TEST_F(AdministrationTest, knows_no_other_backends) {
    EXPECT_FALSE(pool().administer("alf3", AdminState::draining));
    EXPECT_FALSE(pool().administer("", AdminState::draining));
}

TEST_F(AdministrationTest, is_shown_beside_the_health) {
    EXPECT_EQ(state_of(0), AdminState::ready);
    pool().administer("alf1", AdminState::draining_idle);
    EXPECT_EQ(state_of(0), AdminState::draining_idle);
    EXPECT_EQ(state_of(1), AdminState::ready);
    EXPECT_EQ(pool().status()[0].health, Health::unknown);
    pool().probe_failed(pool().status()[0].backend.id, "test");
    EXPECT_EQ(pool().status()[0].health, Health::down);
    EXPECT_EQ(state_of(0), AdminState::draining_idle);
}

TEST_F(AdministrationTest, says_why_there_is_no_backend) {
    pool().administer("alf1", AdminState::draining);
    pool().administer("alf2", AdminState::disabled);
    EXPECT_EQ(name_of(choose()), to_string(Refusal::all_withdrawn));
}

}  // namespace
}  // namespace ballast::pool
