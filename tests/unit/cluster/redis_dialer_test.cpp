// SPDX-License-Identifier: Apache-2.0
// With stores and Sentinels of a script, for what real ones do not do at a test's will.
#include "cluster/redis_dialer.h"

#include "cluster/redis_store.h"
#include "scripted_store.h"
#include "support/temporary_directory.h"
#include "support/test_loop.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <string>

namespace ballast::cluster {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto timeout = 2s;

template <typename T>
loop::Task<> keep(loop::Task<T> task, std::optional<T>& into) {
    into = co_await std::move(task);
}

class RedisDialerTest : public testing::Test {
protected:
    /// A store with these addresses.
    RedisStore& store_at(std::vector<std::string> addresses) {
        cluster.store = std::move(addresses);
        cluster.timeout = timeout;
        auto made = RedisStore::create(network, cluster, look_up());
        EXPECT_TRUE(made) << base::to_string(made.error());
        store = *std::move(made);
        return *store;
    }
    net::LookUp look_up() {
        return [this](loop::Loop& its_loop, std::string name,
                      loop::Deadline deadline) -> loop::Task<base::Result<std::vector<base::Ip>>> {
            return find(names, its_loop, std::move(name), deadline);
        };
    }
    using Names = std::map<std::string, std::vector<base::Ip>>;
    static loop::Task<base::Result<std::vector<base::Ip>>> find(const Names& names,
                                                                loop::Loop& its_loop,
                                                                std::string name,
                                                                loop::Deadline deadline) {
        if (const auto known = names.find(name); known != names.end()) co_return known->second;
        co_return co_await net::look_up(its_loop, std::move(name), deadline);
    }
    template <typename T>
    T run(loop::Task<T> task) {
        std::optional<T> result;
        const auto job = loop::Job::start(keep(std::move(task), result));
        EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }));
        return *std::move(result);
    }
    /// What is wrong with opening it; "none" if nothing.
    std::string problem() {
        const auto opened = run(store->open());
        return opened ? "none" : base::to_string(opened.error());
    }
    std::string problem_at(std::vector<std::string> addresses) {
        store_at(std::move(addresses));
        return problem();
    }

    support::TestLoop loop;
    support::MemoryNetwork network{loop};
    support::TemporaryDirectory directory;
    Names names;
    config::Cluster cluster;
    std::unique_ptr<RedisStore> store;
};

TEST_F(RedisDialerTest, opens_a_store_whose_answers_come_byte_by_byte) {
    network.shape.slice_bytes = 1;
    ScriptedStore scripted(network, "10.0.0.1:6379", good_answer);
    EXPECT_EQ(problem_at({"redis://10.0.0.1"}), "none");
    EXPECT_EQ(scripted.heard_names(), "ROLE TIME SET GET PEXPIRE XADD PEXPIRE INFO");
}

TEST_F(RedisDialerTest, logs_in_and_selects_the_database) {
    cluster.password_file = directory.write("password", "se cret\nsecond line\n");
    ScriptedStore scripted(network, "10.0.0.1:6380", good_answer);
    EXPECT_EQ(problem_at({"redis://ballast@10.0.0.1:6380/3"}), "none");
    ASSERT_GE(scripted.heard().size(), 2U);
    EXPECT_THAT(scripted.heard()[0], ElementsAre("AUTH", "ballast", "se cret"));
    EXPECT_THAT(scripted.heard()[1], ElementsAre("SELECT", "3"));
    ScriptedStore other(network, "10.0.0.2:6379", good_answer);
    EXPECT_EQ(problem_at({"redis://10.0.0.2"}), "none");
    EXPECT_THAT(other.heard()[0], ElementsAre("AUTH", "se cret"));
}

TEST_F(RedisDialerTest, reads_a_new_password_when_it_is_reloaded) {
    cluster.password_file = directory.write("password", "old");
    ScriptedStore scripted(network, "10.0.0.1:6379", good_answer);
    store_at({"redis://10.0.0.1"});
    directory.write("password", "new");
    ASSERT_TRUE(store->reload());
    EXPECT_EQ(problem(), "none");
    EXPECT_THAT(scripted.heard()[0], ElementsAre("AUTH", "new"));
    directory.write("password", "\n");
    EXPECT_THAT(base::to_string(store->reload().error()), HasSubstr("password holds no password"));
    EXPECT_EQ(problem(), "none");
}

TEST_F(RedisDialerTest, needs_the_files_that_it_is_told) {
    cluster.store = {"redis://10.0.0.1"};
    cluster.password_file = "/nowhere/password";
    EXPECT_THAT(base::to_string(RedisStore::create(network, cluster).error()),
                HasSubstr("/nowhere/password"));
    cluster.password_file = {};
    cluster.store = {"rediss://10.0.0.1"};
    cluster.ca = "/nowhere/ca.pem";
    EXPECT_THAT(base::to_string(RedisStore::create(network, cluster).error()),
                HasSubstr("/nowhere/ca.pem"));
}

TEST_F(RedisDialerTest, says_what_the_store_complains_about) {
    struct Row {
        std::string command;
        std::string complaint;
        std::string cure;
    };
    cluster.password_file = directory.write("password", "secret");
    std::size_t host = 0;
    for (const auto& row : {
             Row{"AUTH", "WRONGPASS invalid username-password pair", "correct the user"},
             Row{"SELECT", "ERR DB index is out of range", "another database"},
             Row{"SET", "READONLY You can't write against a read only replica.", "the primary"},
             Row{"TIME", "LOADING Redis is loading the dataset in memory", "be ready soon"},
             Row{"XADD", "MOVED 3999 127.0.0.1:6381", "another of its servers"},
         }) {
        const auto at = fmt::format("10.0.1.{}:6379", ++host);
        const ScriptedStore scripted(network, at, [&](const RedisCommand& command) {
            return command.front() == row.command ? "-" + row.complaint + "\r\n"
                                                  : good_answer(command);
        });
        EXPECT_THAT(problem_at({"redis://" + at + "/3"}),
                    AllOf(HasSubstr(at + " answers " + row.command + " with \"" + row.complaint),
                          HasSubstr(row.cure)));
    }
}

TEST_F(RedisDialerTest, needs_no_right_to_ask_for_the_role_or_the_run) {
    const ScriptedStore scripted(network, "10.0.0.1:6379", [](const RedisCommand& command) {
        const bool is_refused = command.front() == "ROLE" || command.front() == "INFO";
        return is_refused ? "-NOPERM no permissions\r\n" : good_answer(command);
    });
    EXPECT_EQ(problem_at({"redis://10.0.0.1"}), "none");
}

TEST_F(RedisDialerTest, gives_up_a_store_that_does_not_answer) {
    const ScriptedStore scripted(network, "10.0.0.1:6379",
                                 [](const RedisCommand&) { return std::string(); });
    store_at({"redis://10.0.0.1"});
    const auto begun = loop.now();
    EXPECT_THAT(problem(), AllOf(HasSubstr("waiting for an answer of 10.0.0.1:6379"),
                                 HasSubstr("timed out"), HasSubstr("ROLE")));
    EXPECT_EQ(loop.now() - begun, timeout);
}

TEST_F(RedisDialerTest, gives_up_a_host_that_does_not_answer) {
    network.black_hole(base::Address::parse("10.0.0.1:6379").value());
    store_at({"redis://10.0.0.1"});
    const auto begun = loop.now();
    EXPECT_THAT(problem(), AllOf(HasSubstr("10.0.0.1:6379"), HasSubstr("timed out")));
    EXPECT_EQ(loop.now() - begun, timeout);
}

TEST_F(RedisDialerTest, tells_what_is_no_store) {
    const std::string line = "220 ProFTPD Server ready.\r\n";
    const ScriptedStore scripted(network, "10.0.0.1:21", [&](const RedisCommand&) { return line; });
    EXPECT_THAT(problem_at({"redis://10.0.0.1:21"}),
                HasSubstr("10.0.0.1:21 does not speak the protocol of Redis"));
}

TEST_F(RedisDialerTest, does_not_keep_an_endless_answer) {
    const std::string much(1 << 20, 'x');
    bool has_begun = false;
    const ScriptedStore scripted(network, "10.0.0.1:6379", [&](const RedisCommand& command) {
        if (command.front() != "TIME") return good_answer(command);
        has_begun = true;
        std::string endless = "$9000000000\r\n";
        for (int i = 0; i < 50; ++i) endless += much;
        return endless;
    });
    EXPECT_THAT(problem_at({"redis://10.0.0.1"}), HasSubstr("an answer that is too long"));
    EXPECT_TRUE(has_begun);
}

TEST_F(RedisDialerTest, does_not_take_a_stray_answer_for_the_next_one) {
    ScriptedStore scripted(network, "10.0.0.1:6379", [](const RedisCommand& command) {
        // One answer too many.
        const auto good = good_answer(command);
        return command.front() == "EVAL" ? good + good : good;
    });
    store_at({"redis://10.0.0.1"});
    ASSERT_EQ(problem(), "none");
    ASSERT_TRUE(run(store->write({Message{"node1", "load", "1"}})));
    const auto now = run(store->now());
    ASSERT_FALSE(now);
    EXPECT_THAT(base::to_string(now.error()), HasSubstr("sent something unasked"));
    EXPECT_EQ(problem(), "none");
}

TEST_F(RedisDialerTest, refuses_answers_that_no_store_gives) {
    std::string lying_about;
    std::string lie;
    const ScriptedStore scripted(network, "10.0.0.1:6379", [&](const RedisCommand& command) {
        return command.front() == lying_about ? lie : good_answer(command);
    });
    store_at({"redis://10.0.0.1"});
    for (const std::string each : {"+OK\r\n", ":1\r\n", "*0\r\n", "*2\r\n$1\r\nx\r\n$1\r\n0\r\n",
                                   "*2\r\n$2\r\n-1\r\n$1\r\n0\r\n", "$-1\r\n",
                                   "*2\r\n$19\r\n9223372036854775807\r\n$1\r\n0\r\n"}) {
        lying_about = "TIME";
        lie = each;
        EXPECT_THAT(problem(), HasSubstr("gives an answer to TIME that no store gives")) << each;
    }
    lying_about = "GET";
    lie = "$-1\r\n";
    EXPECT_THAT(problem(), HasSubstr("an answer to GET"));
    lying_about = "XADD";
    EXPECT_THAT(problem(), HasSubstr("an answer to XADD"));
    lying_about = {};
    ASSERT_EQ(problem(), "none");
    lying_about = "XREAD";
    for (const std::string each :
         {"*1\r\n+x\r\n", "*2\r\n+x\r\n+y\r\n", "*1\r\n*2\r\n+log\r\n*1\r\n+x\r\n",
          "*1\r\n*2\r\n+log\r\n*1\r\n*2\r\n$0\r\n\r\n*0\r\n"}) {
        lie = each;
        const auto followed = run(store->follow("1-0"));
        ASSERT_FALSE(followed) << each;
        EXPECT_THAT(base::to_string(followed.error()), HasSubstr("an answer to XREAD")) << each;
    }
    ASSERT_EQ(problem(), "none");
    lying_about = "SCAN";
    lie = "*1\r\n+0\r\n";
    const auto loaded = run(store->load("states", ""));
    ASSERT_FALSE(loaded);
    EXPECT_THAT(base::to_string(loaded.error()), HasSubstr("an answer to SCAN"));
}

TEST_F(RedisDialerTest, goes_to_the_next_address_in_time) {
    network.black_hole(base::Address::parse("10.0.0.1:6379").value());
    const ScriptedStore replica(network, "10.0.0.2:6379", [](const RedisCommand& command) {
        return command.front() == "ROLE" ? list({bulk("slave")}) : good_answer(command);
    });
    const ScriptedStore primary(network, "10.0.0.3:6379", good_answer);
    store_at({"redis://10.0.0.1", "redis://10.0.0.2", "redis://10.0.0.3"});
    const auto begun = loop.now();
    ASSERT_EQ(problem(), "none");
    EXPECT_LT(loop.now() - begun, timeout);
    // The good one is the first, the next time.
    const auto dials = network.dials().size();
    ASSERT_EQ(problem(), "none");
    EXPECT_EQ(network.dials().size(), dials + 1);
}

TEST_F(RedisDialerTest, says_what_is_wrong_with_each_address) {
    const ScriptedStore replica(network, "10.0.0.2:6379", [](const RedisCommand& command) {
        return command.front() == "ROLE" ? list({bulk("slave")}) : good_answer(command);
    });
    const ScriptedStore sentinel(network, "10.0.0.3:26379", [](const RedisCommand& command) {
        return command.front() == "ROLE" ? list({bulk("sentinel")}) : good_answer(command);
    });
    EXPECT_THAT(problem_at({"redis://10.0.0.1", "redis://10.0.0.2", "redis://10.0.0.3:26379"}),
                AllOf(HasSubstr("connecting to 10.0.0.1:6379: Connection refused; "),
                      HasSubstr("10.0.0.2:6379 is a replica, not the primary"),
                      HasSubstr("10.0.0.3:26379 is a Sentinel, not the primary")));
}

TEST_F(RedisDialerTest, tries_all_addresses_of_a_name) {
    names["store.example"] = {*base::Ip::parse("10.0.0.1"), *base::Ip::parse("10.0.0.2")};
    const ScriptedStore scripted(network, "10.0.0.2:6379", good_answer);
    EXPECT_EQ(problem_at({"redis://store.example"}), "none");
    names["store.example"] = {};
    EXPECT_EQ(problem(), "store.example has no address");
}

std::string sentinel_answer(const RedisCommand& command, const std::string& port) {
    if (command.front() != "SENTINEL") return "-ERR unknown command\r\n";
    if (command.back() != "fleet") return "*-1\r\n";
    return list({bulk("10.0.0.9"), bulk(port)});
}

TEST_F(RedisDialerTest, asks_a_sentinel) {
    cluster.password_file = directory.write("password", "secret");
    std::string port = "6379";
    // A Sentinel without a password, as most are.
    const ScriptedStore sentinel(network, "10.0.0.1:26379", [&](const RedisCommand& command) {
        return command.front() == "AUTH" ? "-ERR AUTH <password> called without any password\r\n"
                                         : sentinel_answer(command, port);
    });
    const ScriptedStore primary(network, "10.0.0.9:6379", good_answer);
    const ScriptedStore promoted(network, "10.0.0.9:6380", good_answer);
    store_at({"redis+sentinel://10.0.0.1/fleet/2"});
    EXPECT_EQ(problem(), "none");
    EXPECT_EQ(primary.heard_names(), "AUTH SELECT ROLE TIME SET GET PEXPIRE XADD PEXPIRE INFO");
    // After a fail-over the Sentinel names another.
    port = "6380";
    EXPECT_EQ(problem(), "none");
    EXPECT_EQ(promoted.heard_names(), primary.heard_names());
    // The one that follows goes there without asking again.
    const auto asked = sentinel.heard().size();
    (void)run(store->follow("1-0"));
    EXPECT_EQ(sentinel.heard().size(), asked);
}

TEST_F(RedisDialerTest, goes_to_the_next_sentinel) {
    const ScriptedStore outdated(network, "10.0.0.1:26379", [](const RedisCommand& command) {
        return command.front() == "SENTINEL" ? list({bulk("10.0.0.8"), bulk("6379")}) : "+OK\r\n";
    });
    const ScriptedStore replica(network, "10.0.0.8:6379", [](const RedisCommand& command) {
        return command.front() == "ROLE" ? list({bulk("slave")}) : good_answer(command);
    });
    const ScriptedStore sentinel(network, "10.0.0.2:26379", [](const RedisCommand& command) {
        return sentinel_answer(command, "6379");
    });
    const ScriptedStore primary(network, "10.0.0.9:6379", good_answer);
    EXPECT_EQ(problem_at({"redis+sentinel://10.0.0.1/fleet", "redis+sentinel://10.0.0.2/fleet"}),
              "none");
}

TEST_F(RedisDialerTest, says_what_is_wrong_with_a_sentinel) {
    std::string port = "6379";
    std::string password_complaint;
    const ScriptedStore sentinel(network, "10.0.0.1:26379", [&](const RedisCommand& command) {
        if (!password_complaint.empty())
            return command.front() == "AUTH" ? "-" + password_complaint + "\r\n"
                                             : std::string("-NOAUTH Authentication required.\r\n");
        return sentinel_answer(command, port);
    });
    EXPECT_THAT(problem_at({"redis+sentinel://10.0.0.1/other"}),
                HasSubstr("the Sentinel 10.0.0.1:26379 knows no \"other\""));
    for (const std::string bad : {"0", "65536", "x", ""}) {
        port = bad;
        EXPECT_THAT(problem_at({"redis+sentinel://10.0.0.1/fleet"}),
                    HasSubstr("an answer to SENTINEL"));
    }
    cluster.password_file = directory.write("password", "secret");
    password_complaint = "WRONGPASS invalid username-password pair";
    EXPECT_THAT(problem_at({"redis+sentinel://10.0.0.1/fleet"}),
                AllOf(HasSubstr("answers SENTINEL with \"NOAUTH"),
                      HasSubstr("answers AUTH with \"WRONGPASS")));
}

TEST_F(RedisDialerTest, does_not_use_a_connection_whose_question_was_cancelled) {
    bool answers = true;
    const ScriptedStore scripted(network, "10.0.0.1:6379", [&](const RedisCommand& command) {
        return answers ? good_answer(command) : std::string();
    });
    store_at({"redis://10.0.0.1"});
    ASSERT_EQ(problem(), "none");
    answers = false;
    {
        std::optional<base::Result<std::chrono::milliseconds>> never;
        const auto job = loop::Job::start(keep(store->now(), never));
        loop.settle();
        EXPECT_FALSE(never);
    }
    answers = true;
    const auto now = run(store->now());
    ASSERT_FALSE(now);
    EXPECT_THAT(base::to_string(now.error()), HasSubstr("is broken"));
    EXPECT_EQ(problem(), "none");
    EXPECT_TRUE(run(store->now()));
}

}  // namespace
}  // namespace ballast::cluster
