// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"
#include "config/store_address.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::config {
namespace {

const std::string rest = std::string(whole_file::listener) + whole_file::pool;

/// A [cluster] with these settings.
std::string with(const std::string& settings) { return "[cluster]\n" + settings + rest; }

const std::string secret = "secret_file = \"/etc/ballast/cluster.secret\"\n";

TEST(LoadCluster, shares_nothing_unless_there_is_a_store) {
    const auto cluster = loaded(rest).cluster;
    EXPECT_FALSE(cluster.has_store());
    EXPECT_EQ(cluster.name, "ballast");
    EXPECT_EQ(cluster.heartbeat, std::chrono::seconds(1));
    EXPECT_FALSE(loaded(with("store = \"memory\"\n")).cluster.has_store());
}

TEST(LoadCluster, store_may_be_one_address_or_several) {
    EXPECT_TRUE(loaded(with(secret + "store = \"rediss://s1\"\n")).cluster.has_store());
    const auto several = loaded(with(secret + "store = [\"rediss://s1\", \"rediss://s2\"]\n"));
    EXPECT_EQ(several.cluster.store.size(), 2U);
}

TEST(LoadCluster, a_store_needs_a_secret) {
    expect({{with("store = \"rediss://s1\"\n"),
             "f:1:1: cluster.secret_file: secret_file is missing (make a file with `openssl rand "
             "-base64 48`, copy it to all nodes and name it here: what nodes share is encrypted "
             "with it)\n"}});
}

TEST(LoadCluster, addresses_belong_together) {
    expect({
        {with(secret + "store = [\"memory\", \"redis://s1\"]\n"),
         "f:3:10: cluster.store[0]: \"memory\" is no address of a store (remove it, or write store "
         "= \"memory\" alone)\n"},
        {with(secret + "store = [\"redis://s1\", \"redis+sentinel://s2/main\"]\n"),
         "f:3:9: cluster.store: these addresses are not those of one store (give all of them the "
         "same form, master and database)\n"},
        {with(secret + "store = \"s1:6379\"\n"),
         "f:3:9: cluster.store: this is not the address of a store (write "
         "\"redis://HOST:6379\", \"rediss://HOST:6379\", \"redis+sentinel://HOST:26379/MASTER\", "
         "\"unix:/PATH\", or \"memory\" alone)\n"},
        {with(secret + "store = \"redis://:letmein@s1\"\n"),
         "f:3:9: cluster.store: there is a password in the address of the store (write it to a "
         "file that only Ballast can read, and name that in password_file)\n"},
    });
}

TEST(LoadCluster, address_is_one_or_one_of_each_family) {
    EXPECT_EQ(loaded(with("address = \"192.0.2.1\"\n")).cluster.address, "192.0.2.1");
    EXPECT_EQ(loaded(with("address = \"2001:DB8::1 192.0.2.1\"\n")).cluster.address,
              "2001:db8::1 192.0.2.1");
    for (const std::string wrong :
         {"192.0.2.1:21", "::", "192.0.2.1 192.0.2.2", "192.0.2.1 ", " 192.0.2.1",
          "192.0.2.1  2001:db8::1", "192.0.2.1 2001:db8::1 192.0.2.2"})
        expect({{with("address = \"" + wrong + "\"\n"),
                 "f:2:11: cluster.address: '" + wrong +
                     "' is not the address of a machine (write one, or an IPv4 and an IPv6 "
                     "address: \"192.0.2.1 2001:db8::1\")\n"}});
}

TEST(LoadCluster, a_password_that_others_could_read_is_warned_about) {
    expect_all({{with(secret + "password_file = \"/p\"\nstore = \"redis://s1\"\n"),
                 "f:4:9: warning: cluster.store: the password goes to s1 unencrypted (use "
                 "\"rediss://\" if the store has TLS, or a network that nobody else can read)\n"}});
    expect_all(
        {{with(secret + "password_file = \"/p\"\nstore = \"redis://127.0.0.1\"\n"), "none"}});
}

TEST(LoadCluster, settings_of_a_store_have_no_effect_without_one) {
    expect_all({{with(secret),
                 "f:2:15: warning: cluster.secret_file: secret_file has no effect "
                 "without store (add store = \"rediss://HOST\", or remove it)\n"}});
}

TEST(StoreAddress, has_these_forms) {
    const auto parsed = [](const char* text) { return parse_store_address(text).value(); };
    EXPECT_EQ(parsed("redis://10.0.0.1"), (StoreAddress{.path = {},
                                                        .host = "10.0.0.1",
                                                        .port = 6379,
                                                        .has_tls = false,
                                                        .is_sentinel = false,
                                                        .master = {},
                                                        .user = {},
                                                        .database = 0}));
    const auto secure = parsed("rediss://ballast@[2001:db8::1]:7000/3");
    EXPECT_TRUE(secure.has_tls);
    EXPECT_EQ(secure.user, "ballast");
    EXPECT_EQ(secure.host, "2001:db8::1");
    EXPECT_EQ(secure.port, 7000);
    EXPECT_EQ(secure.database, 3U);
    const auto sentinel = parsed("rediss+sentinel://s1/main/2");
    EXPECT_TRUE(sentinel.is_sentinel);
    EXPECT_EQ(sentinel.port, 26379);
    EXPECT_EQ(sentinel.master, "main");
    EXPECT_EQ(sentinel.database, 2U);
    EXPECT_EQ(parsed("unix:/run/redis/redis.sock").path, "/run/redis/redis.sock");
}

TEST(StoreAddress, other_texts_are_refused) {
    for (const auto* const text :
         {"", "redis:", "redis://", "redis://a:0", "redis://a/x", "redis://a/1/2", "unix:run/x",
          "redis+sentinel://a", "redis+sentinel://a/", "redis+sentinel://a/m/x", "http://a",
          "redis://a b", "redis://a/70000"})
        EXPECT_FALSE(parse_store_address(text)) << text;
}

TEST(StoreAddress, a_password_is_not_repeated_whatever_is_wrong) {
    for (const auto* const text :
         {"redis://ballast:S3cret@s1", "redis://:S3cret@s1", "redis://:S3c/ret@s1",
          "redis://ballast:S3cret", "redis:/ballast:S3cret@s1", "valkey://ballast:S3cret@s1",
          "ballast:S3cret@s1", "redis://s1/S3cret", "redis://s1?password=S3cret",
          "redis+sentinel://ballast:S3cret@s1", "unix://ballast:S3cret@/run/redis.sock"}) {
        const auto parsed = parse_store_address(text);
        ASSERT_FALSE(parsed) << text;
        for (const auto& said : {parsed.error().what, parsed.error().fix})
            for (const auto* const part : {"S3c", "ret@", "ballast"})
                EXPECT_EQ(said.find(part), std::string::npos) << said;
    }
    EXPECT_EQ(parse_store_address("unix:///run/redis.sock").value().path, "///run/redis.sock");
}

}  // namespace
}  // namespace ballast::config
