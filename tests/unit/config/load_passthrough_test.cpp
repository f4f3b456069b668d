// SPDX-License-Identifier: Apache-2.0
#include "config/check_passthrough.h"
#include "config/loading.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::config {
namespace {

const std::string listener = R"([listener.sealed]
bind = ["0.0.0.0:21"]
pool = "alf"
mode = "passthrough"
)";
const std::string backends = R"([[pool.alf.backend]]
name = "alf1"
address = "10.0.0.11:2121"
passive_ports = "20000-20009"
[[pool.alf.backend]]
name = "alf2"
address = "10.0.0.12:2121"
passive_ports = "20010-20019"
)";
const std::string implicit = "[pool.alf.tls]\nmode = \"implicit\"\n";

TEST(LoadPassthrough, reads_all_required_settings) {
    const auto config = loaded(listener +
                               "plain = true\npassive_ports = \"30000-30009\"\n"
                               "client_hello_timeout = \"3s\"\n" +
                               "[pool.alf]\nsend_proxy = \"v2\"\n" + backends);
    const auto& read = config.listeners.at(0);
    EXPECT_EQ(read.mode, ListenerMode::passthrough);
    EXPECT_TRUE(read.plain);
    EXPECT_EQ(read.client_hello_timeout, std::chrono::seconds(3));
    EXPECT_EQ(config.pools.at(0).send_proxy, ProxyHeader::v2);
    EXPECT_EQ(config.pools.at(0).backends.at(1).passive_ports, (base::PortRange{20010, 20019}));
    const auto second = loaded(
        "[listener.sealed]\nimplicit_bind = [\"0.0.0.0:990\"]\npool = \"alf\"\n"
        "mode = \"passthrough\"\n" +
        implicit + backends);
    EXPECT_EQ(second.listeners.at(0).implicit_bind.size(), 1);
}

TEST(LoadPassthrough, lists_what_no_setting_can_fix) {
    const auto limits = limits_of_passthrough(loaded(listener + backends));
    ASSERT_EQ(limits.size(), 3);
    EXPECT_TRUE(
        to_string(limits[0], "f")
            .starts_with(
                "f:1:1: listener.sealed: active mode (PORT, EPRT) does not work through it"));
    EXPECT_TRUE(limits[2].fix.contains("pasv_address of vsftpd"));
    EXPECT_TRUE(limits_of_passthrough(loaded("[listener.a]\nbind = [\"0.0.0.0:21\"]\n"
                                             "pool = \"alf\"\npassive_ports = \"30000-30009\"\n" +
                                             backends))
                    .empty());
}

TEST(LoadPassthrough, finds_settings_that_its_backends_lack) {
    const std::string one = "[[pool.alf.backend]]\nname = \"alf1\"\n";
    const std::string from = "listener.sealed";
    expect({
        {listener + one + "address = \"10.0.0.11\"\n",
         "f:5:1: pool.alf.backend[0].passive_ports: passive_ports is missing, and " + from +
             " passes through to this backend (add the server's own passive ports, such as "
             "passive_ports = \"20000-20009\")\n"},
        {listener + one + "address = \"alf1\"\npassive_ports = \"20000-20009\"\n",
         "f:8:17: pool.alf.backend[0].passive_ports: passive_ports belong to one server, and its "
         "address is not an IP address (write the IP address into address)\n"},
        {listener + "[pool.alf]\nbackends_file = \"b.toml\"\n",
         "f:6:17: pool.alf.backends_file: " + from +
             " passes through to this pool, and backends of a backends_file have no passive_ports "
             "(write the backends into this file)\n"},
        // Fallbacks count as well.
        {listener + "[pool.alf]\nfallback = \"sorry\"\n" + backends +
             "[[pool.sorry.backend]]\nname = \"s\"\naddress = \"10.0.0.13\"\n",
         "f:15:1: pool.sorry.backend[0].passive_ports: passive_ports is missing, and " + from +
             " passes through to this backend (add the server's own passive ports, such as "
             "passive_ports = \"20000-20009\")\n"},
        {listener + implicit + one +
             "address = \"10.0.0.11:990\"\npassive_ports = \"20000-20009\"\n",
         "f:7:1: pool.alf.backend[0].tls.mode: the backend speaks implicit TLS, and clients of " +
             from + ".bind say AUTH (use a listener with implicit_bind alone for this pool)\n"},
        {listener + "implicit_bind = [\"0.0.0.0:990\"]\n" + one +
             "address = \"10.0.0.11\"\npassive_ports = \"20000-20009\"\n",
         "f:6:1: pool.alf.backend[0].tls.mode: clients of " + from +
             ".implicit_bind need a backend with mode = \"implicit\" (use a listener of its own "
             "for "
             "them, with a pool of the servers' implicit ports)\n"},
    });
}

TEST(LoadPassthrough, finds_settings_without_effect) {
    const std::string plain =
        "[listener.a]\nbind = [\"0.0.0.0:21\"]\npool = \"alf\"\n"
        "passive_ports = \"30000-30009\"\n";
    expect({
        {plain + "plain = true\n" + backends,
         "f:5:9: listener.a.plain: plain has no effect while mode is \"terminate\" (add mode = "
         "\"passthrough\", or remove plain)\n"},
        {plain + "implicit_bind = [\"0.0.0.0:990\"]\n" + backends,
         "f:5:17: listener.a.implicit_bind: implicit_bind of a listener is for mode = "
         "\"passthrough\" (put it into [listener.a.tls], or add mode = \"passthrough\")\n"},
        {listener + "passive_ports = \"30000-30009\"\n" + backends,
         "f:5:17: listener.sealed.passive_ports: passive_ports of a passthrough listener serve "
         "clients without TLS, and there are none (add plain = true, or remove passive_ports: the "
         "backends have their own)\n"},
        {listener + "[pool.alf]\nbalance = \"user-hash\"\nstick = { by = \"user\" }\n" + backends,
         "f:6:11: pool.alf.balance: listener.sealed passes through to this pool, where user names "
         "are encrypted (use \"source-hash\")\nf:7:16: pool.alf.stick.by: listener.sealed passes "
         "through to this pool, where user names are encrypted (use \"network\")\n"},
        {listener + "read_only = true\n" + backends,
         "f:5:13: listener.sealed.read_only: read_only has no effect, because the commands are "
         "encrypted (set it at the backends, or end TLS here with mode = \"terminate\")\n"},
        {listener + "active_address = \"control\"\n" + backends,
         "f:5:18: listener.sealed.active_address: active_address has no effect, because the "
         "commands are encrypted (set it at the backends, or end TLS here with mode = "
         "\"terminate\")\n"},
        {listener + "[pool.alf]\nbackend_user = \"all\"\n" + backends,
         "f:6:16: pool.alf.backend_user: listener.sealed passes through to this pool, and user "
         "names are encrypted (remove backend_user, or end TLS here with mode = \"terminate\")\n"},
        {listener + "[listener.sealed.tls]\ncertificate = \"c\"\n" + backends,
         "f:5:1: listener.sealed.tls: a passthrough listener has no TLS of its own: its backends "
         "hold the keys (remove the table; implicit_bind is a key of the listener itself)\n"},
        {listener + "[[listener.sealed.route]]\nmatch = { user = \"a\" }\npool = \"alf\"\n" +
             backends,
         "f:6:18: listener.sealed.route[0].match.user: user never matches, because the name is "
         "encrypted (use sni, host or network, or remove user)\n"},
        {listener + "[[listener.sealed.route]]\nmatch = { certificate = \"a\" }\npool = \"alf\"\n" +
             backends,
         "f:6:25: listener.sealed.route[0].match.certificate: certificate never matches, because "
         "clients show theirs to the backend (use sni, host or network, or remove certificate)\n"},
    });
}

TEST(LoadPassthrough, finds_ports_that_lead_to_two_places) {
    const auto with = [](const std::string& ports, const std::string& address) {
        return "[[pool.alf.backend]]\nname = \"alf3\"\naddress = \"" + address +
               "\"\npassive_ports = \"" + ports + "\"\n";
    };
    const std::string key = "f:16:17: pool.alf.backend[2].passive_ports: ";
    const std::string second_pool =
        "[[pool.b.backend]]\nname = \"alf1\"\naddress = "
        "\"10.0.0.11:21\"\npassive_ports = ";
    expect({
        {listener + backends + with("20019-20020", "10.0.0.13"),
         key + "20019-20020 overlaps 20010-20019 of pool.alf.backend[1].passive_ports (give each "
               "server its own ports)\n"},
        {listener + backends + with("20000-20009", "10.0.0.13"),
         key + "20000-20009 overlaps 20000-20009 of pool.alf.backend[0].passive_ports (give each "
               "server its own ports)\n"},
        {listener + backends + with("20-21", "10.0.0.13"),
         key + "20-21 holds the control port 21 of listener.sealed (use a range without it)\n"},
        // One server in two pools.
        {listener + backends + second_pool + "\"20000-20009\"\n", "none"},
        {listener + backends + second_pool + "\"20000-20004\"\n",
         "f:16:17: pool.b.backend[0].passive_ports: 20000-20004 overlaps 20000-20009 of "
         "pool.alf.backend[0].passive_ports (the server is the same: use the same range)\n"},
        // The passive ports of a listener, including the default.
        {listener + "plain = true\n" + backends,
         "f:9:17: pool.alf.backend[0].passive_ports: 20000-20009 overlaps 20000-20099 of "
         "listener.sealed.passive_ports (choose other passive_ports for the listener)\n"
         "f:13:17: pool.alf.backend[1].passive_ports: 20010-20019 overlaps 20000-20099 of "
         "listener.sealed.passive_ports (choose other passive_ports for the listener)\n"},
        {listener + "[pool.alf]\nbackend_data = \"port\"\ndata_ports = \"20009-20009\"\n" +
             backends,
         "f:11:17: pool.alf.backend[0].passive_ports: 20000-20009 overlaps 20009 of "
         "pool.alf.data_ports (use ports outside of it)\n"},
    });
}

}  // namespace
}  // namespace ballast::config
