// SPDX-License-Identifier: Apache-2.0
#include "admin/event_stream.h"

#include "admin/event_text.h"
#include "support/test_loop.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::admin {
namespace {

using namespace std::chrono_literals;
using events::Kind;

class Streaming : public testing::Test {
protected:
    static events::Filter of_pool(const std::string& pool) {
        events::Filter filter;
        filter.pool = pool;
        return filter;
    }
    static std::string taken(EventStream& stream) {
        std::string text;
        EXPECT_TRUE(stream.take(text));
        return text;
    }
    static std::size_t count(const std::string& text, std::string_view part) {
        std::size_t found = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++found;
        return found;
    }

    support::TestLoop loop;
};

TEST_F(Streaming, begins_at_once_and_passes_on_what_happens) {
    EventStream stream(loop, of_pool("passes"), {});
    loop::Signal signal(loop);
    stream.attach(&signal);
    EXPECT_EQ(taken(stream), ": events of Ballast\n\n");
    EXPECT_EQ(taken(stream), "");
    events::publish(Kind::backend_down, {{"pool", "passes"}, {"backend", "a\nb"}});
    const auto text = taken(stream);
    EXPECT_TRUE(text.starts_with("id: ")) << text;
    EXPECT_TRUE(text.contains("\nevent: backend_down\ndata: {\"id\":\"")) << text;
    EXPECT_TRUE(text.ends_with(R"("kind":"backend_down","pool":"passes","backend":"a\u000ab"})"
                               "\n\n"))
        << text;
    stream.attach(nullptr);
}

TEST_F(Streaming, shows_that_it_lives) {
    EventStream stream(loop, of_pool("lives"), {});
    (void)taken(stream);
    EXPECT_EQ(stream.due(), loop.now() + EventStream::heartbeat);
    loop.run_for(14s);
    EXPECT_EQ(taken(stream), "");
    loop.run_for(1s);
    EXPECT_EQ(taken(stream), ":\n\n");
    EXPECT_EQ(stream.due(), loop.now() + EventStream::heartbeat);
}

TEST_F(Streaming, goes_on_behind_the_last_event_that_the_client_has_seen) {
    for (const auto* const name : {"a", "b", "c"})
        events::publish(Kind::backend_up, {{"pool", "goes on"}, {"backend", name}});
    const auto first = id_of(*events::recent(of_pool("goes on")).front());
    EventStream again(loop, of_pool("goes on"), first);
    EXPECT_EQ(count(taken(again), "event: backend_up"), 2U);
    EventStream other_process(loop, of_pool("goes on"), "123-7");
    EXPECT_EQ(count(taken(other_process), "event: backend_up"), 3U);
    EventStream fresh(loop, of_pool("goes on"), {});
    EXPECT_EQ(count(taken(fresh), "event: backend_up"), 0U);
}

TEST_F(Streaming, tells_a_slow_reader_what_it_has_lost) {
    EventStream stream(loop, of_pool("slow"), {});
    for (std::size_t i = 0; i < events::waiting_max + 3; ++i)
        events::publish(Kind::backend_up, {{"pool", "slow"}});
    std::string all;
    for (int i = 0; i < 100; ++i) all += taken(stream);
    EXPECT_EQ(count(all, "event: lost\ndata: {\"events\":3}\n\n"), 1U);
    EXPECT_EQ(count(all, "event: backend_up"), events::waiting_max);
}

TEST_F(Streaming, sends_a_part_at_a_time) {
    EventStream stream(loop, of_pool("part"), {});
    for (std::size_t i = 0; i < events::waiting_max; ++i)
        events::publish(Kind::backend_up, {{"pool", "part"}, {"reason", std::string(400, 'x')}});
    EXPECT_LT(taken(stream).size(), 80'000U);
}

}  // namespace
}  // namespace ballast::admin
