// SPDX-License-Identifier: Apache-2.0
// What a pool does for others when it releases its lock.
#include "loop/recall.h"
#include "pool/pool.h"

#include <functional>
#include <gtest/gtest.h>

namespace ballast::pool {
namespace {

/// Asks the pool at once when something is posted, which never returns under the pool's lock.
class AskingLoop final : public loop::Loop {
public:
    [[nodiscard]] loop::Time now() const override { return loop::Time(std::chrono::hours(1)); }
    void post(std::move_only_function<void()> /*work*/) override {
        ++posts;
        (void)pool->waiting();
    }

    Pool* pool = nullptr;
    int posts = 0;
};

class LockedTest : public testing::Test {
protected:
    LockedTest() {
        config::Pool settings;
        settings.name = "files";
        settings.probe.fall = 1;
        settings.probe.rise = 1;
        settings.queue.length = 1;
        auto& backend = settings.backends.emplace_back();
        backend.name = "alf1";
        backend.host = "10.0.0.1";
        backend.max_sessions = 1;
        pool_ = std::make_shared<Pool>(settings, [this] { return loop_.now(); });
        loop_.pool = pool_.get();
    }
    Place join() {
        auto place = pool_->join_queue({}, {}, signal_);
        EXPECT_TRUE(place);
        return std::move(*place);
    }

    AskingLoop loop_;
    loop::Signal signal_{loop_};
    std::shared_ptr<Pool> pool_;
};

TEST_F(LockedTest, a_session_that_leaves_wakes_the_next_without_the_lock) {
    auto seat = pool_->choose({}, {});
    auto place = join();
    *seat = Seat();
    EXPECT_EQ(loop_.posts, 1);
    EXPECT_TRUE(place.take());
}

TEST_F(LockedTest, a_backend_that_rises_wakes_the_next_without_the_lock) {
    auto seat = pool_->choose({}, {});
    const auto id = seat->backend().id;
    auto place = join();
    pool_->probe_failed(id, "test");
    *seat = Seat();
    EXPECT_EQ(loop_.posts, 0);
    EXPECT_TRUE(pool_->probe_passed(id));
    EXPECT_EQ(loop_.posts, 1);
    EXPECT_TRUE(place.take());
}

TEST_F(LockedTest, an_address_that_appears_wakes_the_next_without_the_lock) {
    auto seat = pool_->choose({}, {});
    auto place = join();
    const Target other{.address = {base::Ip::parse("10.0.0.2").value(), 21}};
    pool_->set_targets(pool_->backends().front(), {{other}});
    EXPECT_EQ(loop_.posts, 1);
    EXPECT_TRUE(place.take());
}

TEST_F(LockedTest, a_seat_on_loan_is_recalled_without_the_lock) {
    loop::Signal needed(loop_);
    const auto recall = std::make_shared<loop::Recall>(needed);
    auto seat = pool_->choose({}, {});
    seat->lend(recall, {});
    const auto place = join();
    EXPECT_EQ(loop_.posts, 1);
    EXPECT_TRUE(recall->is_called());
    EXPECT_FALSE(seat->keep());
}

TEST_F(LockedTest, a_change_by_the_administrator_is_told_without_the_lock) {
    loop::Signal end(loop_);
    const auto recall = std::make_shared<loop::Recall>(end);
    auto seat = pool_->choose({}, {});
    seat->watch(recall);
    const auto place = join();
    pool_->administer("alf1", AdminState::disabled);
    EXPECT_EQ(loop_.posts, 2);  // who has the seat, and who waits for it
    EXPECT_TRUE(recall->is_called());
    EXPECT_TRUE(place.refusal());
}

}  // namespace
}  // namespace ballast::pool
