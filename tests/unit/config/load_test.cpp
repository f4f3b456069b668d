// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::config {
namespace {

using namespace std::chrono_literals;

using whole_file::listener;
using whole_file::pool;

TEST(Load, reads_a_whole_file) {
    const auto config = loaded(R"(
[listener.ftp]
bind = ["0.0.0.0:21", "[::]:21"]
pool = "alfresco"
passive_ports = "20000-20099"
public_address = { "10.0.0.0/8" = "local", "10.1.0.0/16" = "192.0.2.1", default = "203.0.113.21" }

[pool.alfresco]
balance = "least-transfers"
probe = { type = "login", user = "probe", password_file = "/etc/ballast/probe.secret", interval = "5s", rise = 2, fall = 3 }

[[pool.alfresco.backend]]
name = "alf1"
address = "10.0.0.11:2121"
weight = 1

[[pool.alfresco.backend]]
name = "alf2"
address = "alf2.example.org"
backup = true
)");
    ASSERT_EQ(config.listeners.size(), 1U);
    const auto& ftp = config.listeners[0];
    EXPECT_EQ(ftp.name, "ftp");
    EXPECT_EQ(ftp.where.key, "listener.ftp");
    EXPECT_EQ(ftp.where.line, 2U);
    ASSERT_EQ(ftp.bind.size(), 2U);
    EXPECT_EQ(to_string(ftp.bind[0]), "0.0.0.0:21");
    EXPECT_EQ(to_string(ftp.bind[1]), "[::]:21");
    EXPECT_EQ(ftp.passive_ports, (base::PortRange{20000, 20099}));
    ASSERT_EQ(ftp.public_address.size(), 3U);
    EXPECT_EQ(to_string(*ftp.public_address[0].network), "10.1.0.0/16");
    EXPECT_EQ(to_string(*ftp.public_address[0].address), "192.0.2.1");
    EXPECT_EQ(to_string(*ftp.public_address[1].network), "10.0.0.0/8");
    EXPECT_EQ(ftp.public_address[1].address, std::nullopt);
    EXPECT_EQ(ftp.public_address[2].network, std::nullopt);
    EXPECT_EQ(to_string(*ftp.public_address[2].address), "203.0.113.21");

    const auto* alfresco = config.find_pool("alfresco");
    ASSERT_NE(alfresco, nullptr);
    EXPECT_EQ(alfresco->balance, balance::find_policy("least-transfers"));
    EXPECT_EQ(alfresco->probe.type, ProbeType::login);
    EXPECT_EQ(alfresco->probe.user, "probe");
    EXPECT_EQ(alfresco->probe.password_file, "/etc/ballast/probe.secret");
    EXPECT_EQ(alfresco->probe.interval, 5s);
    ASSERT_EQ(alfresco->backends.size(), 2U);
    EXPECT_EQ(alfresco->backends[0].name, "alf1");
    EXPECT_EQ(alfresco->backends[0].where.key, "pool.alfresco.backend[0]");
    EXPECT_EQ(alfresco->backends[0].where.line, 12U);
    EXPECT_EQ(alfresco->backends[0].host, "10.0.0.11");
    EXPECT_EQ(alfresco->backends[0].port, 2121);
    EXPECT_EQ(alfresco->backends[1].host, "alf2.example.org");
    EXPECT_EQ(alfresco->backends[1].port, 21);
    EXPECT_TRUE(alfresco->backends[1].backup);
    EXPECT_EQ(config.find_pool("other"), nullptr);
}

TEST(Load, a_public_address_may_be_one_word) {
    const auto rules = [](const std::string& value) {
        return loaded(listener + "public_address = " + value + pool).listeners[0].public_address;
    };
    EXPECT_TRUE(rules("\"local\"").empty());
    EXPECT_TRUE(rules("{ default = \"local\" }").empty());
    const auto one = rules("\"203.0.113.21\"");
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].network, std::nullopt);
    EXPECT_EQ(to_string(*one[0].address), "203.0.113.21");
    const auto named = rules("{ \"10.0.0.0/8\" = \"local\", default = \"FTP.example.org\" }");
    ASSERT_EQ(named.size(), 2U);
    EXPECT_EQ(named[0].name, "");
    EXPECT_EQ(named[1].name, "ftp.example.org");
    EXPECT_EQ(named[1].address, std::nullopt);
}

TEST(Load, the_most_specific_pattern_names_a_user) {
    const auto rules = [](const std::string& value) {
        return loaded(listener + "[pool.alf]\nbackend_user = " + value +
                      "\n[[pool.alf.backend]]\nname = \"alf1\"\naddress = \"10.0.0.11\"")
            .pools[0]
            .backend_user;
    };
    EXPECT_TRUE(rules("{}").empty());
    EXPECT_EQ(rules("\"{user}@corp\""), (std::vector<UserRule>{{"*", "{user}@corp"}}));
    EXPECT_EQ(
        rules("{ \"*\" = \"all\", \"sales-*\" = \"ftp-sales\", \"sales-web\" = \"web\" }"),
        (std::vector<UserRule>{{"sales-web", "web"}, {"sales-*", "ftp-sales"}, {"*", "all"}}));
}

TEST(Load, the_source_port_of_active_mode_is_a_word_or_a_number) {
    const auto source = [](const std::string& value) {
        return loaded(listener + "active_source_port = " + value + pool)
            .listeners[0]
            .active_source_port;
    };
    EXPECT_EQ(source("\"ephemeral\""), ActiveSource{});
    EXPECT_EQ(source("\"below-control\""), (ActiveSource{ActiveSource::Kind::below_control, 0}));
    EXPECT_EQ(source("20"), (ActiveSource{ActiveSource::Kind::fixed, 20}));
}

TEST(Load, accepts_settings_that_only_look_wrong) {
    const std::string files[] = {
        // A probe may take longer than its interval.
        listener + pool + "[pool.alf.probe]\ninterval = \"1s\"\ntimeout = \"5s\"\n",
        // Listeners may share one identical range.
        listener + "passive_ports = \"3000-3009\"\n[listener.b]\nbind = [\"127.0.0.1:22\"]\n" +
            "pool = \"alf\"\npassive_ports = \"3000-3009\"\n" + pool,
        // Port 0 is another port each time.
        listener + "[listener.b]\nbind = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\npool = \"alf\"\n" +
            pool,
        // The same port of another address does not conflict with passive ports.
        listener + "[listener.b]\nbind = [\"127.0.0.2:20000\"]\npool = \"alf\"\n" +
            "passive_ports = \"4000-4009\"\n" + pool,
        // Backends in one line, and the same name in another pool.
        listener + "[pool.alf]\nfallback = \"b\"" + pool.substr(11) +
            "[pool.b]\nbackend = [{ name = \"alf1\", address = \"h\" }]\n",
        // Windows line ends, and a byte order mark.
        "\xef\xbb\xbf# mark\r\n" + listener + pool,
    };
    for (const auto& file : files) EXPECT_EQ(problems_of(file), "none") << file;
}

const std::string no_address =
    " (name at least one address, such as [\"0.0.0.0:21\"]; only with implicit_bind it may be "
    "empty)\n";

TEST(Load, ends_at_a_syntax_error_or_a_duplicate_key) {
    const std::string rest = " (correct the TOML here; the rest is checked after that)\n";
    const std::string twice =
        " (a key or a table may appear only once; the rest is checked after that)\n";
    expect({
        {"workers = \n",
         "f:1:11: error while parsing key-value pair: expected value, saw '\\n'" + rest},
        {"a = 1 2",
         "f:1:7: error while parsing key-value pair: expected a comment or whitespace, "
         "saw '2'" +
             rest},
        {"workers = 1\nworkers = 2\nnonsense = 1",
         "f:2:11: error while parsing key-value pair: cannot redefine existing integer 'workers'" +
             twice},
        {"[log]\n[log]\n",
         "f:2:1: error while parsing table header: cannot redefine existing table 'log'" + twice},
        {"a = \"\xff\"", "f:1:5: encountered invalid utf-8 sequence" + rest},
        // An unpatched toml++ 3.3 ends the program at these two.
        {"[{x]",
         "f:1:2: error while parsing key: expected bare key starting character or string "
         "delimiter, saw '{'" +
             rest},
        {"a = 1 \xc3\xbc",
         "f:1:7: error while parsing key-value pair: expected a comment or whitespace, saw "
         "'\xc3\xbc'" +
             rest},
        {std::string("workers = 1\n[\0x]\n", 17),
         "f:2:2: control character '\\x00' (remove it, or write it as \\u00NN in a string)\n"},
        {"a = " + std::string(8189, '1'),
         "f:1:1: the line has 8193 bytes (use at most \"8KiB\"; "
         "arrays may have several lines)\n"},
        {std::string(1'048'577, '\n'),
         "f:1:1: the file has 1048577 bytes (use at most \"1MiB\")\n"},
    });
}

TEST(Load, requires_a_listener_and_a_pool) {
    const std::string none =
        "f:1:1: listener: there is no listener (add a [listener.NAME] table)\n";
    expect({
        {"", none + "f:1:1: pool: there is no pool (add a [pool.NAME] table with its backends)\n"},
        {pool, none},
        {"[pool]\n[listener]\n",
         "f:1:1: pool: there is no pool (add a [pool.NAME] table with its backends)\n"
         "f:2:1: listener: there is no listener (add a [listener.NAME] table)\n"},
        {listener,
         "f:1:1: pool: there is no pool (add a [pool.NAME] table with its backends)\n"
         "f:4:8: listener.ftp.pool: there is no pool 'alf' (add [pool.alf])\n"},
        {listener + "[pool.alf]\n",
         "f:5:1: pool.alf: the pool has no backend (add a [[pool.alf.backend]] table with name "
         "and address)\n"},
        {listener + "[pool.alf]\nbackend = []\n",
         "f:5:1: pool.alf: the pool has no backend (add a [[pool.alf.backend]] table with name "
         "and address)\n"},
    });
}

TEST(Load, finds_unknown_keys_with_the_nearest_spelling) {
    expect({
        {"worker = 1\n" + listener + pool, "f:1:1: worker: unknown key (did you mean workers?)\n"},
        {listener + "idle_timout = \"5s\"" + pool,
         "f:5:1: listener.ftp.idle_timout: unknown key (did you mean idle_timeout?)\n"},
        {"[log]\ncolour = true" + listener + pool,
         "f:2:1: log.colour: unknown key (remove it; the keys here are level, format, file, "
         "syslog, facility or repeats_per_second)\n"},
        {listener + pool + "wieght = 2",
         "f:10:1: pool.alf.backend[0].wieght: unknown key (did you mean weight?)\n"},
        {listener + pool + "[pool.alf.probe]\nraise = 2",
         "f:11:1: pool.alf.probe.raise: unknown key (did you mean rise?)\n"},
        {listener + pool + "\"a key\" = 2",
         "f:10:1: pool.alf.backend[0].'a key': unknown key (remove it; the keys here are name, "
         "address, srv, weight, max_sessions, backup, bandwidth, data_address, passive_ports or "
         "tls)\n"},
    });
}

TEST(Load, finds_unknown_words_and_pools_with_the_nearest_spelling) {
    expect({
        {listener + "[pool.alf]\nbalance = \"least-transfer\"" + pool.substr(11),
         "f:6:11: pool.alf.balance: unknown word 'least-transfer' (use \"round-robin\", "
         "\"least-transfers\", \"least-sessions\", \"least-bandwidth\", \"fastest\", \"random\", "
         "\"source-hash\", \"user-hash\" or \"first\"; did you mean least-transfers?)\n"},
        {"[log]\nlevel = \"verbose\"" + listener + pool,
         "f:2:9: log.level: unknown word 'verbose' (use \"error\", \"warning\", \"info\" or "
         "\"debug\"; did you mean debug?)\n"},
        {listener + "active_source_port = \"below_control\"" + pool,
         "f:5:22: listener.ftp.active_source_port: unknown word 'below_control' (use "
         "\"ephemeral\", \"below-control\" or 1 to 65535; did you mean below-control?)\n"},
        {"[listener.ftp]\nbind = [\"127.0.0.1:21\"]\npool = \"alff\"" + pool,
         "f:3:8: listener.ftp.pool: there is no pool 'alff' (use alf, or add [pool.alff]; did you "
         "mean alf?)\n"},
        {"[listener.ftp]\nbind = [\"127.0.0.1:21\"]\npool = \"other\"" + pool,
         "f:3:8: listener.ftp.pool: there is no pool 'other' (use alf, or add [pool.other])\n"},
    });
}

TEST(Load, finds_wrong_types) {
    expect({
        {"workers = \"4\"" + listener + pool,
         "f:1:11: workers: workers is a string (use an integer: 0 to 256)\n"},
        {"workers = 1.5" + listener + pool,
         "f:1:11: workers: workers is a float (use an integer: 0 to 256)\n"},
        {listener + "idle_timeout = 5" + pool,
         "f:5:16: listener.ftp.idle_timeout: '5' has no unit (add ms, s, m or h, as in \"5s\")\n"},
        {listener + "command_bytes_max = 8192" + pool,
         "f:5:21: listener.ftp.command_bytes_max: '8192' has no unit (add B, KB, KiB, MB, MiB, GB "
         "or GiB, as in \"8KiB\")\n"},
        {listener + "idle_timeout = true" + pool,
         "f:5:16: listener.ftp.idle_timeout: idle_timeout is a boolean (use a duration: \"1ms\" "
         "to \"24h\")\n"},
        {listener + "greeting = 220" + pool,
         "f:5:12: listener.ftp.greeting: greeting is an integer (use a string: 1 to 500 bytes, no "
         "control characters)\n"},
        {listener + "passive_ports = 20000" + pool,
         "f:5:17: listener.ftp.passive_ports: passive_ports is an integer (use a string: "
         "\"FIRST-LAST\", ports 1 to 65535)\n"},
        {listener + "public_address = 1979-05-27" + pool,
         "f:5:18: listener.ftp.public_address: public_address is a date (use a string or table: "
         "\"local\", an IPv4 address, a host name, or { NETWORK = ..., default = ... } of "
         "these)\n"},
        {listener + pool + "backup = \"yes\"",
         "f:10:10: pool.alf.backend[0].backup: backup is a string (use a boolean: true or "
         "false)\n"},
        {"log = \"info\"" + listener + pool,
         "f:1:7: log: log is a string (write a table, [log])\n"},
        {"listener = 1\n" + pool,
         "f:1:12: listener: listener is an integer (write a table, [listener.NAME])\n"},
        {"[listener]\nbind = [\"127.0.0.1:21\"]" + pool,
         "f:2:1: listener.bind: 'bind' is an array (settings of a listener go into a table "
         "[listener.NAME])\n"},
        {"[[listener.ftp]]\n" + pool,
         "f:1:12: listener.ftp: 'ftp' is an array (write [listener.ftp], in single brackets)\n"},
        {listener + "[pool.alf.backend]\nname = \"alf1\"\naddress = \"h\"",
         "f:5:1: pool.alf.backend: backend is a table (write [[pool.alf.backend]], in double "
         "brackets)\n"},
        {listener + "[pool.alf]\nbackend = [\"alf1\"]",
         "f:6:12: pool.alf.backend[0]: a backend is a string (write each backend as a table with "
         "name and address)\n"},
        {listener + "[pool.alf]\nprobe = \"tcp\"" + pool.substr(11),
         "f:6:9: pool.alf.probe: probe is a string (write a table, [pool.alf.probe])\n"},
    });
}

TEST(Load, finds_values_out_of_range) {
    const std::string no_name = " (use 1 to 64 letters, digits, '-' and '_')\n";
    expect({
        {listener + pool + "weight = 257",
         "f:10:10: pool.alf.backend[0].weight: weight is 257 (use 0 to 256)\n"},
        {listener + pool + "max_sessions = -1",
         "f:10:16: pool.alf.backend[0].max_sessions: max_sessions is -1 (use 0 to 1000000)\n"},
        {listener + pool + "[pool.alf.probe]\nrise = 0\nfall = 101",
         "f:11:8: pool.alf.probe.rise: rise is 0 (use 1 to 100)\n"
         "f:12:8: pool.alf.probe.fall: fall is 101 (use 1 to 100)\n"},
        {listener + "idle_timeout = \"48h\"" + pool,
         "f:5:16: listener.ftp.idle_timeout: idle_timeout is 48h (use \"1ms\" to \"24h\")\n"},
        {listener + "idle_timeout = \"soon\"" + pool,
         "f:5:16: listener.ftp.idle_timeout: 'soon' is not a duration (write a whole number and a "
         "unit (ms, s, m or h), such as \"5s\")\n"},
        {listener + "command_bytes_max = \"10B\"" + pool,
         "f:5:21: listener.ftp.command_bytes_max: command_bytes_max is 10B (use \"512B\" to "
         "\"1MiB\")\n"},
        {listener + "greeting = \"\"" + pool,
         "f:5:12: listener.ftp.greeting: greeting has 0 bytes (use 1 to 500 bytes, no control "
         "characters)\n"},
        {listener + "greeting = \"a\\r\\n220 b\"" + pool,
         "f:5:12: listener.ftp.greeting: 'a\\x0d\\x0a220 b' has a control character (use 1 to 500 "
         "bytes, no control characters)\n"},
        {listener + "active_source_port = 0" + pool,
         "f:5:22: listener.ftp.active_source_port: active_source_port is 0 (use \"ephemeral\", "
         "\"below-control\" or 1 to 65535)\n"},
        {listener + "[[pool.alf.backend]]\nname = \"\"\naddress = \"a\"",
         "f:6:8: pool.alf.backend[0].name: '' is not a name" + no_name},
        {listener + pool + "[pool.\"my pool\"]\nbackend = [{ name = \"b\", address = \"b\" }]",
         "f:10:7: pool.'my pool': 'my pool' is not a name" + no_name},
    });
}

TEST(Load, finds_addresses_and_ports_that_do_not_parse) {
    const std::string bind =
        " (write \"192.0.2.1:21\" or \"[2001:db8::1]:21\"; for every address "
        "\"0.0.0.0:21\" and \"[::]:21\")\n";
    const std::string announced =
        " (use \"local\", an IPv4 address, such as \"203.0.113.21\", or a host name)\n";
    const std::string named = "[pool.alf]\nbackend_user = ";
    const std::string server = "\n[[pool.alf.backend]]\nname = \"alf1\"\naddress = \"10.0.0.11\"";
    expect({
        {"[listener.ftp]\nbind = [\"*:21\",\n  \"127.0.0.1\", 21]\npool = \"alf\"" + pool,
         "f:2:9: listener.ftp.bind[0]: '*:21' is not an address with a port" + bind +
             "f:3:3: listener.ftp.bind[1]: '127.0.0.1' is not an address with a port" + bind +
             "f:3:16: listener.ftp.bind[2]: an address is an integer" + bind},
        {"[listener.ftp]\nbind = \"127.0.0.1:21\"\npool = \"alf\"" + pool,
         "f:2:8: listener.ftp.bind: bind is a string (use an array of addresses, such as "
         "[\"0.0.0.0:21\"])\n"},
        {"[listener.ftp]\nbind = []\npool = \"alf\"" + pool,
         "f:2:8: listener.ftp.bind: bind is empty" + no_address},
        {listener + "[pool.alf]\n[[pool.alf.backend]]\nname = \"a\"\naddress = \"10.0.0.300\"",
         "f:8:11: pool.alf.backend[0].address: '10.0.0.300' is neither an address nor a host name "
         "(write \"192.0.2.1:21\", \"[2001:db8::1]:21\" or \"ftp1.example.org:21\")\n"},
        {listener + "passive_ports = \"20099-20000\"" + pool,
         "f:5:17: listener.ftp.passive_ports: '20099-20000' ends before it begins (write "
         "\"20000-20099\")\n"},
        {listener + "passive_ports = \"20099-\"" + pool,
         "f:5:17: listener.ftp.passive_ports: '20099-' is not a range of ports (write the first "
         "and the last port, such as \"20000-20099\")\n"},
        {listener + "public_address = \"203.0.113\"" + pool,
         "f:5:18: listener.ftp.public_address: '203.0.113' is not an address to connect to (use "
         "\"local\", an IPv4 address, such as \"203.0.113.21\", or a host name; an IPv4 address "
         "has "
         "four numbers up to 255)\n"},
        {listener + "public_address = { \"10.0.0.1/8\" = \"local\", default = 4 }" + pool,
         "f:5:20: listener.ftp.public_address.'10.0.0.1/8': '10.0.0.1/8' is not a network (write "
         "the "
         "first address and the prefix, such as \"10.0.0.0/8\", or default)\n"
         "f:5:54: listener.ftp.public_address.default: an address is an integer" +
             announced},
        {listener + "public_address = { \"10.0.0.1\" = \"local\", \"10.0.0.1/32\" = \"local\" }" +
             pool,
         "f:5:42: listener.ftp.public_address.'10.0.0.1/32': 10.0.0.1/32 is given twice (remove "
         "one)\n"},
        {listener + "public_address = \"2001:db8::1\"" + pool,
         "f:5:18: listener.ftp.public_address: PASV cannot announce the IPv6 address 2001:db8::1 "
         "(use \"local\", an IPv4 address or a host name; EPSV needs none)\n"},
        {listener + "public_address = { \"2001:db8::/32\" = \"203.0.113.21\" }" + pool,
         "f:5:18: listener.ftp.public_address.'2001:db8::/32': PASV has no address for IPv6 "
         "clients "
         "(remove it: they use EPSV)\n"},
        {listener + named + "4" + server,
         "f:6:16: pool.alf.backend_user: backend_user is an integer (use a string or table: a "
         "name, "
         "in which {user} stands for the client's, or { PATTERN = ... } of these)\n"},
        {listener + named +
             "{ \"a*\" = 4, \"\" = \"b\", \"c\" = \"\", \"d\" = \"{usr}\", e = \"{user}}\" }" +
             server,
         "f:6:25: pool.alf.backend_user.'a*': a user's name is an integer (use a string, such as "
         "\"ftp-sales\" or \"{user}@example.com\")\n"
         "f:6:33: pool.alf.backend_user.'': the pattern has 0 bytes (use 1 to 256 bytes, no "
         "control "
         "characters)\n"
         "f:6:44: pool.alf.backend_user.c: the name has 0 bytes (use 1 to 256 bytes, no control "
         "characters)\n"
         "f:6:54: pool.alf.backend_user.d: '{usr}' has braces that are not {user} (write {user} "
         "where the client's name belongs)\n"
         "f:6:67: pool.alf.backend_user.e: '{user}}' has braces that are not {user} (write {user} "
         "where the client's name belongs)\n"},
        {"[listener.ftp]\nbind = [\"[::]:21\"]\npool = \"alf\"\n" +
             std::string("public_address = \"203.0.113.21\"") + pool,
         "f:4:18: listener.ftp.public_address: public_address has no effect: the listener has IPv6 "
         "addresses only (add an IPv4 address to bind, or remove public_address)\n"},
    });
}

TEST(Load, finds_missing_settings) {
    expect({
        {"[listener.ftp]\n" + pool, "f:1:1: listener.ftp.bind: bind is missing" + no_address +
                                        "f:1:1: listener.ftp.pool: there is neither pool nor "
                                        "route (add pool, the name of a pool, or "
                                        "[[listener.ftp.route]] tables)\n"},
        {listener + "[[pool.alf.backend]]\n",
         "f:5:1: pool.alf.backend[0].address: address is missing (add address = "
         "\"HOST:PORT\" or \"HOST\", or srv = \"_ftp._tcp.example.com\")\n"
         "f:5:1: pool.alf.backend[0].name: name is missing (add name, a string: 1 to 64 letters, "
         "digits, '-' and '_')\n"},
        {listener + "[pool.alf]\nprobe = { type = \"login\" }" + pool.substr(11),
         "f:6:9: pool.alf.probe.password_file: a login probe needs password_file (add "
         "password_file = \"/etc/ballast/probe.secret\")\n"
         "f:6:9: pool.alf.probe.user: a login probe needs user (add user = \"probe\")\n"},
    });
}

TEST(Load, finds_contradictions) {
    const std::string second = "\n[listener.web]\npool = \"alf\"\n";
    expect({
        {listener + second + "bind = [\"127.0.0.2:21\", \"127.0.0.1:21\"]" + pool,
         "f:8:25: listener.web.bind[1]: 127.0.0.1:21 is bound twice, also by listener.ftp.bind[0] "
         "(use another address or port, or remove one)\n"},
        {listener + "passive_ports = \"3000-3009\"" + second +
             "bind = [\"127.0.0.2:21\"]\npassive_ports = \"3009-3020\"" + pool,
         "f:9:17: listener.web.passive_ports: 3009-3020 overlaps 3000-3009 of "
         "listener.ftp.passive_ports in part (use \"3000-3009\" as well, or ports outside of "
         "it)\n"},
        {listener + second + "bind = [\"127.0.0.2:21\"]\npassive_ports = \"20050-20150\"" + pool,
         "f:9:17: listener.web.passive_ports: 20050-20150 overlaps 20000-20099 of "
         "listener.ftp.passive_ports in part (use \"20000-20099\" as well, or ports outside of "
         "it)\n"},
        {listener + second + "bind = [\"0.0.0.0:20005\"]\npassive_ports = \"4000-4001\"" + pool,
         "f:2:1: listener.ftp.passive_ports: 20000-20099 holds the control port 20005 of "
         "listener.web.bind[0] (use a range without it)\n"},
        {listener + "passive_ports = \"20-30\"" + pool,
         "f:5:17: listener.ftp.passive_ports: 20-30 holds the control port 21 of "
         "listener.ftp.bind[0] (use a range without it)\n"},
        {listener + "pipelined_bytes_max = \"4KiB\"" + pool,
         "f:5:23: listener.ftp.pipelined_bytes_max: pipelined_bytes_max is less than "
         "command_bytes_max (use at least \"8KiB\")\n"},
        {listener + "[pool.alf]\nreply_bytes_max = \"4KiB\"" + pool.substr(11),
         "f:6:19: pool.alf.reply_bytes_max: reply_bytes_max is less than reply_line_bytes_max "
         "(use at least \"8KiB\")\n"},
        {listener + pool + "[[pool.alf.backend]]\nname = \"alf1\"\naddress = \"10.0.0.11:21\"",
         "f:11:8: pool.alf.backend[1].name: 'alf1' is also the name of pool.alf.backend[0] (choose "
         "another)\nf:12:11: pool.alf.backend[1].address: 10.0.0.11:21 is also the address of "
         "pool.alf.backend[0] (remove one; to give a server more sessions, raise its weight)\n"},
    });
}

TEST(Load, a_refused_value_causes_no_second_problem) {
    expect({
        // Not also: the default range overlaps the other listener's.
        {listener + "passive_ports = \"x\"\n[listener.b]\nbind = [\"127.0.0.2:21\"]\n" +
             "pool = \"alf\"\npassive_ports = \"20001-20200\"" + pool,
         "f:5:17: listener.ftp.passive_ports: 'x' is not a range of ports (write the first and the "
         "last port, such as \"20000-20099\")\n"},
        // Not also: a login probe needs user.
        {listener + pool + "[pool.alf.probe]\ntype = \"login\"\nuser = 5\npassword_file = \"p\"",
         "f:12:8: pool.alf.probe.user: user is an integer (use a string: 0 to 256 bytes, no "
         "control characters)\n"},
    });
}

TEST(Load, reports_all_problems_in_the_order_of_the_file) {
    const auto reading = read(R"(workers = 1000
[listener.ftp]
bind = ["nowhere"]
pool = "alfrescos"
idle_timeout = 15
banner = "hello"
[pool.alfresco]
balance = "lottery"
[[pool.alfresco.backend]]
name = "alf 1"
address = "10.0.0.11:99999"
weight = 300
)");
    std::vector<std::string> keys;
    for (const auto& problem : reading.problems)
        keys.push_back(fmt::format("{} {}", problem.where.line, problem.where.key));
    EXPECT_EQ(keys,
              (std::vector<std::string>{
                  "1 workers", "3 listener.ftp.bind[0]", "4 listener.ftp.pool",
                  "5 listener.ftp.idle_timeout", "6 listener.ftp.banner", "8 pool.alfresco.balance",
                  "10 pool.alfresco.backend[0].name", "11 pool.alfresco.backend[0].address",
                  "12 pool.alfresco.backend[0].weight"}));
}

TEST(Load, reads_what_it_can_of_a_text_with_errors) {
    const auto reading = read("worker = 1\nworkers = 3\n" + listener + pool + "weight = 300");
    EXPECT_EQ(lines_of(reading.problems),
              "f:1:1: worker: unknown key (did you mean workers?)\n"
              "f:12:10: pool.alf.backend[0].weight: weight is 300 (use 0 to 256)\n");
    ASSERT_TRUE(reading.config);
    EXPECT_EQ(reading.config->workers, 3U);
    EXPECT_EQ(reading.config->pools.at(0).backends.at(0).host, "10.0.0.11");
    EXPECT_TRUE(reading.config->places.is_refused("pool.alf.backend[0].weight"));
    EXPECT_FALSE(read("workers = \n").config);
}

TEST(Load, survives_the_deepest_key_that_a_line_holds) {
    std::string deep;
    while (deep.size() < 8180) deep += "a.";
    EXPECT_TRUE(problems_of(deep + "a = 1").contains("f:1:1: a: unknown key"));
}

}  // namespace
}  // namespace ballast::config
