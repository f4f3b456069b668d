// SPDX-License-Identifier: Apache-2.0
#include "net/look_up.h"

#include "loop/job.h"
#include "loop/worker_loop.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;
using Answer = base::Result<std::vector<base::Ip>>;

loop::Task<> look_up_into(loop::WorkerLoop& loop, std::string name, loop::Time::duration time,
                          std::optional<Answer>& into) {
    into = co_await look_up(loop, std::move(name), loop.after(time));
    loop.stop();
}

Answer answer_for(std::string name, loop::Time::duration time) {
    loop::WorkerLoop loop;
    std::optional<Answer> answer;
    const auto job = loop::Job::start(look_up_into(loop, std::move(name), time, answer));
    if (!answer) loop.run();
    return *std::move(answer);
}

TEST(LookUp, finds_an_address_to_be_its_own) {
    EXPECT_EQ(answer_for("192.0.2.1", 1ms).value(),
              std::vector{base::Ip::parse("192.0.2.1").value()});
}

TEST(LookUp, finds_a_name_while_the_loop_goes_on) {
    const auto answer = answer_for("localhost", 10s);
    ASSERT_TRUE(answer) << base::to_string(answer.error());
    EXPECT_THAT(*answer, testing::Contains(base::Ip::parse("127.0.0.1").value()));
}

TEST(LookUp, gives_up_in_its_time) {
    const auto begun = std::chrono::steady_clock::now();
    const auto answer = answer_for("nobody.invalid", 300ms);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().fault, base::Fault::internal);
    EXPECT_THAT(base::to_string(answer.error()), testing::HasSubstr("nobody.invalid"));
}

TEST(LookUp, needs_time) {
    const auto answer = answer_for("nobody.invalid", 0ms);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, std::errc::timed_out);
}

TEST(LookUp, can_be_cancelled) {
    loop::WorkerLoop loop;
    std::optional<Answer> answer;
    {
        const auto job = loop::Job::start(look_up_into(loop, "nobody.invalid", 60s, answer));
    }
    // An answer that comes later finds nobody.
    loop.post([&] { loop.stop(); });
    loop.run();
    EXPECT_FALSE(answer);
}

}  // namespace
}  // namespace ballast::net
