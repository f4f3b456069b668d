// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::config {
namespace {

using namespace std::chrono_literals;

// The tables that make a file whole around the part under test: four lines before it.
const std::string head = R"([listener.ftp]
bind = ["127.0.0.1:21"]
pool = "alf"
[pool.alf]
)";
const std::string alf1 = "\n[[pool.alf.backend]]\nname = \"alf1\"\naddress = \"10.0.0.11\"\n";
const std::string alf2 = "\n[[pool.alf.backend]]\nname = \"alf2\"\naddress = \"10.0.0.12\"\n";
const std::string both = alf1 + alf2;

TEST(LoadPool, reads_all_settings_of_a_pool) {
    const auto config = loaded(head + R"(balance = "source-hash"
hash_load_percent = 125
pipelining = false
warm = 3
fallback = "sorry"
slow_start = "1m"
failover = "transfer"
failover_timeout = "45s"
failover_samples = "1MiB"
failover_trust = true
failover_rate = "50/s"
rebalance = "30/min"
backends_file = "/backends.toml"
backend_data = "port"
data_ports = "30000-30099"
trust_pasv_address = true
data_peer = "any"
stick = { by = "user", timeout = "1h", ipv4_prefix = 24, ipv6_prefix = 48, entries_max = 10, otherwise = "refuse" }
queue = { length = 50, timeout = "20s" }
observe = { failures = 5, ejection_time = "1s", panic_threshold = 20 }
[pool.alf.probe]
type = "login"
user = "u"
password_file = "p"
pwd = true
list = "/in"
canary = "/canary"
canary_sha256 = "B5BB9D8014A0F9B1D61E21E796D78DCCDF1352F23CD32812F4850B878AE4944C"
canary_bytes_max = "2MiB"
quiet = true
proxy = "v2"
interval = "10s"
fast_interval = "1s"
down_interval = "1m"
[[pool.alf.backend]]
name = "alf1"
srv = "_FTP._tcp.Example.com"
weight = 1
[[pool.alf.backend]]
name = "alf2"
address = "10.0.0.12"
[pool.sorry]
backends_file = "/sorry.toml"
probe = { type = "script", script = "/probe" }
)");
    const auto& pool = *config.find_pool("alf");
    EXPECT_EQ(pool.balance, balance::find_policy("source-hash"));
    EXPECT_EQ(pool.hash_load_percent, 125U);
    EXPECT_FALSE(pool.pipelining);
    EXPECT_EQ(pool.warm, 3);
    EXPECT_EQ(pool.fallback, "sorry");
    EXPECT_EQ(pool.slow_start, 1min);
    EXPECT_EQ(pool.failover, Failover::transfer);
    EXPECT_EQ(pool.failover_timeout, 45s);
    EXPECT_EQ(pool.failover_samples, 1U << 20);
    EXPECT_TRUE(pool.failover_trust);
    EXPECT_EQ(pool.failover_rate, 50);
    EXPECT_EQ(pool.rebalance, 0.5);
    EXPECT_EQ(pool.backends_file, "/backends.toml");
    EXPECT_EQ(pool.backend_data, BackendData::port);
    EXPECT_EQ(pool.data_ports, (base::PortRange{30000, 30099}));
    EXPECT_TRUE(pool.trust_pasv_address);
    EXPECT_EQ(pool.data_peer.kind, DataPeer::Kind::any);
    EXPECT_EQ(pool.stick.by, StickBy::user);
    EXPECT_EQ(pool.stick.timeout, 1h);
    EXPECT_EQ(pool.stick.ipv4_prefix, 24U);
    EXPECT_EQ(pool.stick.ipv6_prefix, 48U);
    EXPECT_EQ(pool.stick.entries_max, 10U);
    EXPECT_EQ(pool.stick.otherwise, StickOtherwise::refuse);
    EXPECT_EQ(pool.queue.length, 50U);
    EXPECT_EQ(pool.queue.timeout, 20s);
    EXPECT_EQ(pool.observe.failures, 5U);
    EXPECT_EQ(pool.observe.ejection_time, 1s);
    EXPECT_EQ(pool.observe.panic_threshold, 20U);
    const auto& probe = pool.probe;
    EXPECT_TRUE(probe.pwd);
    EXPECT_EQ(probe.list, "/in");
    EXPECT_EQ(probe.canary, "/canary");
    EXPECT_EQ(probe.canary_sha256,
              "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c");
    EXPECT_EQ(probe.canary_bytes_max, std::size_t{2} * 1024 * 1024);
    EXPECT_TRUE(probe.quiet);
    EXPECT_EQ(probe.proxy, ProxyHeader::v2);
    EXPECT_EQ(probe.fast_interval, Duration(1s));
    EXPECT_EQ(probe.down_interval, Duration(1min));
    ASSERT_EQ(pool.backends.size(), 2U);
    EXPECT_EQ(pool.backends[0].srv, "_ftp._tcp.example.com");
    EXPECT_EQ(pool.backends[0].host, "");
    EXPECT_TRUE(pool.backends[0].has_weight);
    EXPECT_EQ(pool.backends[1].srv, "");
    EXPECT_FALSE(pool.backends[1].has_weight);
    const auto& sorry = *config.find_pool("sorry");
    EXPECT_TRUE(sorry.backends.empty());
    EXPECT_EQ(sorry.probe.type, ProbeType::script);
    EXPECT_EQ(sorry.probe.script, "/probe");
    EXPECT_EQ(sorry.probe.fast_interval, std::nullopt);
    EXPECT_EQ(sorry.data_ports, std::nullopt);
}

TEST(LoadPool, knows_every_word) {
    const auto pool = [](const std::string& line) {
        return loaded(head + line + alf1).pools.at(0);
    };
    const std::pair<const char*, Balance> balances[] = {
        {"round-robin", balance::find_policy("round-robin")},
        {"least-transfers", balance::find_policy("least-transfers")},
        {"least-sessions", balance::find_policy("least-sessions")},
        {"least-bandwidth", balance::find_policy("least-bandwidth")},
        {"fastest", balance::find_policy("fastest")},
        {"random", balance::find_policy("random")},
        {"source-hash", balance::find_policy("source-hash")},
        {"user-hash", balance::find_policy("user-hash")},
        {"first", balance::find_policy("first")},
    };
    for (const auto& [word, value] : balances)
        EXPECT_EQ(pool(fmt::format("balance = \"{}\"", word)).balance, value) << word;
    const std::pair<const char*, BackendData> modes[] = {
        {"auto", BackendData::automatic}, {"as-client", BackendData::as_client},
        {"epsv", BackendData::epsv},      {"pasv", BackendData::pasv},
        {"port", BackendData::port},      {"eprt", BackendData::eprt},
    };
    for (const auto& [word, value] : modes)
        EXPECT_EQ(
            pool(fmt::format("data_ports = \"9000\"\nbackend_data = \"{}\"", word)).backend_data,
            value)
            << word;
}

TEST(LoadPool, accepts_settings_that_only_look_wrong) {
    const std::string limited = alf1 + "max_sessions = 5\n" + alf2;
    const std::string files[] = {
        head + "hash_load_percent = 0" + alf1,
        head + "hash_load_percent = 101" + alf1,
        // A pool may have all backends in its file. Then their limits are unknown here.
        head + "backends_file = \"f\"\nbalance = \"first\"\nqueue = { length = 5 }",
        head + "backends_file = \"f\"\nbalance = \"first\"\nqueue = { length = 5 }" + both,
        head + "balance = \"first\"" + alf1,
        head + "balance = \"first\"" + limited,
        head + "balance = \"first\"" + both + "backup = true",
        head + "queue = { length = 5 }" + limited,
        head + "queue = { timeout = \"5s\" }" + both,
        // Two pools may fall back to the same one, and a chain has an end.
        head + "fallback = \"b\"" + alf1 +
            "[pool.b]\nfallback = \"c\"\nbackends_file = \"f\"\n[pool.c]\nbackends_file = \"f\"\n" +
            "[pool.d]\nfallback = \"c\"\nbackends_file = \"f\"\n",
        // Shared by two pools, and next to those of the listener.
        head + "data_ports = \"20100-20199\"" + alf1 +
            "[pool.b]\ndata_ports = \"20100-20199\"\nbackends_file = \"f\"",
        head + "probe = { interval = \"5s\", fast_interval = \"5s\", down_interval = \"1h\" }" +
            alf1,
        head + "probe = { type = \"tcp\", proxy = \"v1\" }" + alf1,
        head + "probe = { type = \"banner\", proxy = \"v1\" }" + alf1,
        // The pool's TLS settings may be meant for the backends of the file.
        head + "backends_file = \"f\"\ntls = { ca = \"ca\", data = \"always\" }",
        head + "backends_file = \"f\"\ntls = { ca = \"ca\" }" + alf1,
    };
    for (const auto& file : files) EXPECT_EQ(problems_of(file), "none") << file;
}

TEST(LoadPool, finds_settings_that_make_no_sense) {
    const std::string room =
        ", which leaves no room for differences (use 101 to 10000, or 0 for no bound)\n";
    expect({
        {head + "hash_load_percent = 100" + alf1,
         "f:5:21: pool.alf.hash_load_percent: hash_load_percent is 100" + room},
        {head + "hash_load_percent = 1" + alf1,
         "f:5:21: pool.alf.hash_load_percent: hash_load_percent is 1" + room},
        {head + "hash_load_percent = 10001" + alf1,
         "f:5:21: pool.alf.hash_load_percent: hash_load_percent is 10001 (use 0 to 10000)\n"},
        {head + "warm = 2\nsend_proxy = \"v2\"" + alf1,
         "f:5:8: pool.alf.warm: warm connections cannot begin with a client's PROXY header "
         "(send_proxy) (remove warm, or use send_proxy = \"off\")\n"},
        {head + "warm = 2\nsource = \"client\"" + alf1,
         "f:5:8: pool.alf.warm: warm connections cannot come from a client's own address (source) "
         "(remove warm, or use another source than \"client\")\n"},
        {head + "balance = \"first\"" + both,
         "f:5:11: pool.alf.balance: all sessions go to the first backend, because none has "
         "max_sessions (add max_sessions to the backends, make the others backup = true, or use "
         "another balance)\n"},
        {head + "queue = { length = 50 }" + both,
         "f:5:20: pool.alf.queue.length: nobody ever waits, because no backend has max_sessions "
         "(add "
         "max_sessions to the backends, or remove queue)\n"},
        {head +
             "stick = { by = \"address\", ipv4_prefix = 33, ipv6_prefix = 129, entries_max = 0 "
             "}" +
             alf1,
         "f:5:16: pool.alf.stick.by: unknown word 'address' (use \"none\", \"network\" or "
         "\"user\"; did you mean network?)\n"
         "f:5:41: pool.alf.stick.ipv4_prefix: ipv4_prefix is 33 (use 0 to 32)\n"
         "f:5:59: pool.alf.stick.ipv6_prefix: ipv6_prefix is 129 (use 0 to 128)\n"
         "f:5:78: pool.alf.stick.entries_max: entries_max is 0 (use 1 to 10000000)\n"},
        {head + "queue = 50" + alf1,
         "f:5:9: pool.alf.queue: queue is an integer (write a table, [pool.alf.queue])\n"},
    });
}

TEST(LoadPool, may_be_empty_needs_a_backends_file) {
    expect({
        {head + "may_be_empty = true" + alf1,
         "f:5:16: pool.alf.may_be_empty: may_be_empty has no effect without backends_file (add "
         "backends_file, or remove may_be_empty)\n"},
    });
    const auto config = loaded(head + "may_be_empty = true\nbackends_file = \"f\"\n");
    EXPECT_TRUE(config.pools.at(0).may_be_empty);
    EXPECT_EQ(config.pools.at(0).probe.type, ProbeType::banner);
}

TEST(LoadPool, finds_fallbacks_that_lead_nowhere) {
    const std::string file = "\nbackends_file = \"f\"\n";
    expect({
        {head + "fallback = \"sory\"" + alf1 + "[pool.sorry]" + file,
         "f:5:12: pool.alf.fallback: there is no pool 'sory' (use alf or sorry, or add "
         "[pool.sory]; did you mean sorry?)\n"},
        {head + "fallback = \"alf\"" + alf1,
         "f:5:12: pool.alf.fallback: the pool is its own fallback (name another pool, or remove "
         "it)\n"},
        // Reported once, and not at the pool that only leads into the circle.
        {"[pool.a]\nfallback = \"b\"" + file + "[pool.b]\nfallback = \"c\"" + file +
             "[pool.c]\nfallback = \"alf\"" + file + head + "fallback = \"b\"" + alf1,
         "f:5:12: pool.b.fallback: the fallbacks form a circle: b, c, alf, b (remove one of "
         "them)\n"},
        // Two of them.
        {head + "fallback = \"b\"" + alf1 + "[pool.b]\nfallback = \"alf\"" + file +
             "[pool.c]\nfallback = \"c\"" + file,
         "f:5:12: pool.alf.fallback: the fallbacks form a circle: alf, b, alf (remove one of "
         "them)\n"
         "f:13:12: pool.c.fallback: the pool is its own fallback (name another pool, or remove "
         "it)\n"},
    });
}

TEST(LoadPool, finds_data_ports_that_are_missing_or_taken) {
    const std::string needs =
        " needs data_ports (add the ports that backends connect to, such as data_ports = "
        "\"30000-30099\")\n";
    const std::string second = "[pool.b]\nbackends_file = \"f\"\n";
    expect({
        {head + "backend_data = \"port\"" + alf1,
         "f:4:1: pool.alf.data_ports: backend_data \"port\"" + needs},
        {head + "backend_data = \"eprt\"" + alf1,
         "f:4:1: pool.alf.data_ports: backend_data \"eprt\"" + needs},
        {head + "backend_data = \"as-client\"" + alf1,
         "f:4:1: pool.alf.data_ports: backend_data \"as-client\"" + needs},
        {head + "data_ports = \"99999\"" + alf1,
         "f:5:14: pool.alf.data_ports: '99999' is not a range of ports (write the first and the "
         "last "
         "port, such as \"20000-20099\")\n"},
        {head + "data_ports = 9000" + alf1,
         "f:5:14: pool.alf.data_ports: data_ports is an integer (use a string: \"FIRST-LAST\", "
         "ports 1 to 65535)\n"},
        // Identical ones as well: a port cannot serve both.
        {head + "data_ports = \"20000-20099\"" + alf1,
         "f:5:14: pool.alf.data_ports: 20000-20099 overlaps 20000-20099 of "
         "listener.ftp.passive_ports (use ports outside of it)\n"},
        {head + "data_ports = \"20-30\"" + alf1,
         "f:5:14: pool.alf.data_ports: 20-30 holds the control port 21 of listener.ftp.bind[0] "
         "(use a range without it)\n"},
        {head + "data_ports = \"3000-3009\"" + alf1 + second + "data_ports = \"3009-3010\"",
         "f:11:14: pool.b.data_ports: 3009-3010 overlaps 3000-3009 of pool.alf.data_ports in part "
         "(use \"3000-3009\" as well, or ports outside of it)\n"},
    });
}

TEST(LoadPool, finds_backends_that_lead_back_to_a_listener) {
    const auto file = [](const std::string& listener, const std::string& address) {
        return "[listener.ftp]\npool = \"p\"\n" + listener +
               "\n[[pool.p.backend]]\nname = \"b\"\naddress = \"" + address + "\"\n";
    };
    const auto refused = [](const std::string& address) {
        return "f:6:11: pool.p.backend[0].address: " + address +
               " is listener.ftp itself (name the server behind it)\n";
    };
    const std::string wildcard = R"(bind = ["0.0.0.0:2121", "[::]:2121"])";
    const std::string one = R"(bind = ["192.0.2.1:2121"])";
    const std::string told = one + "\npublic_address = \"203.0.113.21\"";
    expect({
        {file(one, "192.0.2.1:2121"), refused("192.0.2.1:2121")},
        {file(one, "[::ffff:192.0.2.1]:2121"), refused("192.0.2.1:2121")},
        {file(wildcard, "127.0.0.1:2121"), refused("127.0.0.1:2121")},
        {file(wildcard, "127.9.9.9:2121"), refused("127.9.9.9:2121")},
        {file(wildcard, "[::1]:2121"), refused("[::1]:2121")},
        {file(wildcard, "0.0.0.0:2121"), refused("0.0.0.0:2121")},
        {file(R"(bind = ["127.0.0.1:2121"])", "0.0.0.0:2121"), refused("0.0.0.0:2121")},
        {file("mode = \"passthrough\"\nimplicit_bind = [\"127.0.0.1:990\"]",
              "127.0.0.1:990\"\ntls = { mode = \"implicit\" }\npassive_ports = \"20000-20009"),
         "f:7:11: pool.p.backend[0].address: 127.0.0.1:990 is listener.ftp itself (name the server "
         "behind it)\n"},
        // Addresses that only look similar.
        {file(one, "192.0.2.1:21"), "none"},
        {file(one, "192.0.2.2:2121"), "none"},
        {file(wildcard, "192.0.2.1:2121"), "none"},
        {file(R"(bind = ["127.0.0.1:2121"])", "127.0.0.2:2121"), "none"},
        {file(R"(bind = ["0.0.0.0:2121"])", "[::1]:2121"), "none"},
    });
    EXPECT_EQ(
        problems_of(file(told, "203.0.113.21:2121")),
        "f:7:11: pool.p.backend[0].address: 203.0.113.21:2121 is listener.ftp itself (name the "
        "server behind it)\n");
    const std::string named = one + "\npublic_address = \"ftp.example.org\"";
    EXPECT_EQ(problems_of(file(named, "FTP.example.org:2121")),
              "f:7:11: pool.p.backend[0].address: ftp.example.org:2121 is listener.ftp itself "
              "(name the server behind it)\n");
    EXPECT_EQ(problems_of(file(named, "ftp.example.org:21")), "none");
}

TEST(LoadPool, finds_missing_and_useless_settings_of_a_probe) {
    const auto probe = [](const std::string& value, const std::string& place,
                          const std::string& problem) {
        return Row{head + "probe = { " + value + " }" + alf1,
                   "f:5:" + place + ": pool.alf.probe." + problem + '\n'};
    };
    const std::string login = "type = \"login\", user = \"u\", password_file = \"p\", ";
    expect({
        probe("type = \"script\"", "9",
              "script: a script probe needs script (add script = "
              "\"/etc/ballast/probe\")"),
        probe("script = \"/p\"", "20",
              "script: script has no effect with type \"banner\" (use type = \"script\", or remove "
              "script)"),
        probe("type = \"banner\", pwd = true", "34",
              "pwd: pwd has no effect with type \"banner\" (use type = \"login\", or remove pwd)"),
        probe(
            "list = \"/\"", "18",
            "list: list has no effect with type \"banner\" (use type = \"login\", or remove list)"),
        probe("canary = \"/c\"", "20",
              "canary: canary has no effect with type \"banner\" (use type = \"login\", or remove "
              "canary)"),
        probe("type = \"none\", quiet = true", "34",
              "quiet: quiet has no effect with type \"none\" (use type = \"login\", or remove "
              "quiet)"),
        probe("type = \"none\", proxy = \"v1\"", "34",
              "proxy: proxy has no effect with type \"none\" (use type = \"tcp\", \"banner\" or "
              "\"login\", or remove proxy)"),
        probe("type = \"script\", script = \"/p\", proxy = \"v1\"", "51",
              "proxy: proxy has no effect with type \"script\" (use type = \"tcp\", \"banner\" or "
              "\"login\", or remove proxy)"),
        probe(login + "canary_sha256 = \"" + std::string(64, '0') + '"', "76",
              "canary_sha256: canary_sha256 has no effect without canary (add canary, the file "
              "with this digest, or remove canary_sha256)"),
        probe(
            login + "canary = \"/c\", canary_sha256 = \"" + std::string(63, '0') + '"', "91",
            "canary_sha256: '" + std::string(63, '0') +
                "' is not a SHA-256 digest (write the 64 hexadecimal digits that sha256sum prints "
                "for the file)"),
        probe(
            login + "canary = \"/c\", canary_sha256 = \"" + std::string(64, 'g') + '"', "91",
            "canary_sha256: '" + std::string(64, 'g') +
                "' is not a SHA-256 digest (write the 64 hexadecimal digits that sha256sum prints "
                "for the file)"),
        probe("fast_interval = \"6s\"", "27",
              "fast_interval: fast_interval is longer than interval (use at most \"5s\")"),
        probe("down_interval = \"0s\"", "27",
              "down_interval: down_interval is 0s (use \"1ms\" to \"24h\")"),
        probe("down_interval = 5", "27",
              "down_interval: '5' has no unit (add ms, s, m or h, as in \"5s\")"),
        probe("down_interval = true", "27",
              "down_interval: down_interval is a boolean (use a duration: \"1ms\" to \"24h\")"),
    });
}

TEST(LoadPool, finds_backends_without_exactly_one_address) {
    const std::string name = "[[pool.alf.backend]]\nname = \"a\"\n";
    const std::string missing =
        "f:5:1: pool.alf.backend[0].address: address is missing (add address = \"HOST:PORT\" or "
        "\"HOST\", or srv = \"_ftp._tcp.example.com\")\n";
    expect({
        {head + name, missing},
        {head + name + "srv = \"\"", missing},
        {head + name + "address = \"h\"\nsrv = \"s\"",
         "f:8:7: pool.alf.backend[0].srv: the backend has both address and srv (remove one)\n"},
        {head + name + "srv = \"_ftp._tcp.example.com:21\"",
         "f:7:7: pool.alf.backend[0].srv: '_ftp._tcp.example.com:21' is not a host name (write a "
         "name without a port, such as \"_ftp._tcp.example.com\")\n"},
        {head + name + "srv = 5",
         "f:7:7: pool.alf.backend[0].srv: srv is an integer (use a string: a host name without a "
         "port)\n"},
        {head + name + "srv = \"S.example.com\"\n[[pool.alf.backend]]\nname = \"b\"\n" +
             "srv = \"s.example.com\"",
         "f:10:7: pool.alf.backend[1].srv: s.example.com is also the srv of pool.alf.backend[0] "
         "(remove one; to give a server more sessions, raise its weight)\n"},
    });
}

TEST(LoadPool, a_refused_value_causes_no_second_problem) {
    const auto one_problem = [](const std::string& text) {
        return errors_of(text).size() == 1 ? "one" : problems_of(text);
    };
    const std::string files[] = {
        // Not also: the pool has no backend.
        head + "backends_file = 5",
        head + "backend = 5",
        // Not also: no backend has max_sessions.
        head + "balance = \"first\"\nqueue = { length = 5 }" + both + "max_sessions = -1",
        head + "balance = \"first\"\nbackends_file = 5" + both,
        head + "balance = \"first\"\nbackend = [{ name = \"a\", address = \"a\" }, 5]",
        // Not also: data_ports is missing.
        head + "backend_data = \"port\"\ndata_ports = 5" + alf1,
        // Not also: without effect, missing, or too long.
        head + "probe = { type = 5, script = \"/p\", quiet = true }" + alf1,
        head + "probe = { type = \"script\", script = 5 }" + alf1,
        head + "probe = { interval = 1, fast_interval = \"1m\" }" + alf1,
        head + "[pool.alf.probe]\ntype = \"login\"\nuser = \"u\"\npassword_file = \"p\"\n" +
            "canary = 5\ncanary_sha256 = \"" + std::string(64, '0') + '"' + alf1,
        head + "fallback = 5" + alf1,
        // Not also: the address is missing.
        head + "[[pool.alf.backend]]\nname = \"a\"\nsrv = 5",
        head + "[[pool.alf.backend]]\nname = \"a\"\naddress = 5",
    };
    for (const auto& file : files) EXPECT_EQ(one_problem(file), "one") << file;
}

}  // namespace
}  // namespace ballast::config
