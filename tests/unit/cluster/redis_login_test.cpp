// SPDX-License-Identifier: Apache-2.0
// With a real redis-server that asks who comes, and real Sentinels.
#include "cluster/redis_store.h"
#include "loop_thread.h"
#include "redis_node.h"
#include "redis_server.h"
#include "support/certificates.h"

#include <chrono>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>

namespace ballast::cluster {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

Entry entry(std::string key) {
    return {"states", std::move(key), {1ms, "node1"}, "drain", std::chrono::hours(1)};
}

class RedisLogin : public testing::Test {
protected:
    /// What is wrong with opening the store, and with using it.
    std::string problem_with(const config::Cluster& cluster) {
        RedisNode node(thread, cluster);
        const auto opened = node.open();
        if (!opened) return problem_of(opened);
        const auto written =
            node.write({entry(std::to_string(++entries)), Message{"node1", "load", "1"}});
        if (!written) return problem_of(written);
        const auto followed = node.follow(opened->latest);
        if (!followed) return problem_of(followed);
        EXPECT_EQ(followed->news.size(), 2U);
        const auto loaded = node.load_all("states");
        if (!loaded) return problem_of(loaded);
        const auto claimed = node.claim("prober", "node1", 1h);
        if (!claimed) return problem_of(claimed);
        const auto gap = node.follow("1-1");
        return problem_of(gap);
    }
    std::string password_file(std::string_view password) {
        return directory.write("password", password);
    }

    support::TemporaryDirectory directory;
    LoopThread thread;
    int entries = 0;
};

TEST_F(RedisLogin, wants_the_right_password) {
    const RedisServer server({"requirepass secret"});
    auto cluster = cluster_at({server.url()});
    EXPECT_THAT(problem_with(cluster),
                AllOf(HasSubstr("NOAUTH"), HasSubstr("cluster.password_file")));
    cluster.password_file = password_file("wrong");
    EXPECT_THAT(problem_with(cluster), AllOf(HasSubstr("answers AUTH"), HasSubstr("WRONGPASS"),
                                             testing::Not(HasSubstr("wrong\""))));
    cluster.password_file = password_file("secret\n");
    EXPECT_EQ(problem_with(cluster), "none");
}

TEST_F(RedisLogin, says_that_the_store_has_no_password) {
    const RedisServer server;
    auto cluster = cluster_at({server.url()});
    cluster.password_file = password_file("secret");
    EXPECT_THAT(problem_with(cluster), HasSubstr("remove cluster.password_file"));
}

// The rights that docs/shared-store.md lists.
constexpr auto rights =
    "~{ballast:ballast}:v1:* resetchannels -@all +role +time +select +get +set +mget +pexpire "
    "+scan +eval +xadd +xread +xrange +xrevrange +info";

TEST_F(RedisLogin, needs_no_more_rights_than_the_manual_says) {
    const RedisServer server({fmt::format("user ballast on >secret {}", rights)});
    auto cluster = cluster_at({fmt::format("redis://ballast@127.0.0.1:{}", server.port())});
    cluster.password_file = password_file("secret");
    EXPECT_EQ(problem_with(cluster), "none");
    cluster.name = "other";
    EXPECT_THAT(problem_with(cluster),
                AllOf(HasSubstr("NOPERM"), HasSubstr("docs/shared-store.md")));
}

TEST_F(RedisLogin, uses_the_database_that_it_is_told) {
    RedisServer server;
    const auto cluster = cluster_at({fmt::format("redis://localhost:{}/5", server.port())});
    EXPECT_EQ(problem_with(cluster), "none");
    EXPECT_EQ(server.ask({"DBSIZE"}).number, 0);
    EXPECT_THAT(problem_with(cluster_at({fmt::format("redis://127.0.0.1:{}/99", server.port())})),
                HasSubstr("another database"));
}

class RedisLoginTls : public RedisLogin {
protected:
    support::Authority authority{directory, "Authority"};
    support::Authority stranger{directory, "Stranger"};
    support::Identity identity = authority.issue(
        "store.pem", {.common_name = "store", .names = "DNS:localhost,IP:127.0.0.1"});
    std::uint16_t tls_port = free_port();

    std::vector<std::string> options(const std::string& clients) {
        return {fmt::format("tls-port {}", tls_port), "tls-cert-file " + identity.file,
                "tls-key-file " + identity.file, "tls-ca-cert-file " + authority.file(),
                "tls-auth-clients " + clients};
    }
    config::Cluster tls_cluster(const std::string& host) {
        auto cluster = cluster_at({fmt::format("rediss://{}:{}", host, tls_port)});
        cluster.ca = authority.file();
        return cluster;
    }
};

TEST_F(RedisLoginTls, verifies_the_store) {
    const RedisServer server(options("no"));
    EXPECT_EQ(problem_with(tls_cluster("localhost")), "none");
    EXPECT_EQ(problem_with(tls_cluster("127.0.0.1")), "none");
    auto other = tls_cluster("localhost");
    other.ca = stranger.file();
    EXPECT_THAT(problem_with(other),
                AllOf(HasSubstr("TLS with localhost:"), HasSubstr("certificate")));
}

TEST_F(RedisLoginTls, does_not_take_the_certificate_of_another_host) {
    identity = authority.issue("other.pem", {.common_name = "x", .names = "DNS:other.example"});
    const RedisServer server(options("no"));
    EXPECT_THAT(problem_with(tls_cluster("localhost")), HasSubstr("TLS with localhost:"));
    EXPECT_THAT(problem_with(tls_cluster("127.0.0.1")), HasSubstr("TLS with 127.0.0.1:"));
}

TEST_F(RedisLoginTls, shows_its_own_certificate) {
    const RedisServer server(options("yes"));
    EXPECT_NE(problem_with(tls_cluster("localhost")), "none");
    auto cluster = tls_cluster("localhost");
    const auto own = authority.issue("node.pem", {.common_name = "node1", .names = ""});
    cluster.certificate = own.file;
    EXPECT_EQ(problem_with(cluster), "none");
}

TEST_F(RedisLoginTls, tells_tls_from_plain_text) {
    const RedisServer server(options("no"));
    EXPECT_NE(problem_with(cluster_at({fmt::format("redis://127.0.0.1:{}", tls_port)})), "none");
    tls_port = server.port();
    EXPECT_THAT(problem_with(tls_cluster("127.0.0.1")), HasSubstr("TLS with 127.0.0.1:"));
}

TEST_F(RedisLogin, refuses_a_replica) {
    const RedisServer primary;
    RedisServer replica({fmt::format("replicaof 127.0.0.1 {}", primary.port())});
    EXPECT_THAT(problem_with(cluster_at({replica.url()})),
                HasSubstr("is a replica, not the primary"));
    EXPECT_EQ(problem_with(cluster_at({replica.url(), primary.url()})), "none");
}

TEST_F(RedisLogin, follows_a_sentinel_to_the_promoted_replica) {
    RedisServer primary;
    RedisServer replica({fmt::format("replicaof 127.0.0.1 {}", primary.port())});
    const auto until = std::chrono::steady_clock::now() + 60s;
    const auto wait_for = [&](auto is_so) {
        while (!is_so() && std::chrono::steady_clock::now() < until) ::poll(nullptr, 0, 10);
        return is_so();
    };
    ASSERT_TRUE(wait_for([&] {
        return replica.ask({"INFO", "replication"}).text.find("master_link_status:up") !=
               std::string::npos;
    }));
    const RedisSentinel sentinel(
        "fleet", primary.port(),
        {"sentinel down-after-milliseconds fleet 200", "sentinel failover-timeout fleet 3000"});
    RedisNode node(
        thread, cluster_at({fmt::format("redis+sentinel://127.0.0.1:{}/fleet", sentinel.port())}));
    const auto opened = node.open();
    ASSERT_TRUE(opened) << problem_of(opened);
    ASSERT_TRUE(node.write({entry("a")}));
    ASSERT_TRUE(wait_for([&] { return replica.ask({"DBSIZE"}).number == 3; }));

    primary.kill();
    EXPECT_THAT(problem_of(node.write({entry("b")})),
                AnyOf(HasSubstr("closed"), HasSubstr("Broken pipe"), HasSubstr("reset")));
    EXPECT_TRUE(wait_for([&] { return node.open().has_value(); }));
    const auto loaded = node.load_all("states");
    ASSERT_TRUE(loaded) << problem_of(loaded);
    EXPECT_EQ(loaded->size(), 1U);
    EXPECT_TRUE(node.write({entry("b")}));
    // Something may not have come over, so every node tells what it knows.
    EXPECT_NE(node.open()->birth, opened->birth);
}

}  // namespace
}  // namespace ballast::cluster
