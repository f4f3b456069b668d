// SPDX-License-Identifier: Apache-2.0
#include "support/test_client.h"

#include <gtest/gtest.h>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

TEST(Commands, pass_unchanged_with_their_replies) {
    World world(1);
    world.backend(0).script.replies["SITE"] = "200-first\r\n226 no end\r\n200 Last.";
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(client.say("site  CHMOD 640 n\xe4m\xff.txt"),
              "502 What?");  // the fake knows only upper case, so the verb came unchanged
    EXPECT_EQ(world.backend(0).heard.back(), "site  CHMOD 640 n\xe4m\xff.txt");
    EXPECT_EQ(client.say("SITE HELP"), "200-first\r\n226 no end\r\n200 Last.");
}

TEST(Commands, with_a_preliminary_reply_wait_for_the_final_one) {
    World world(1);
    world.backend(0).script.replies["SITE"] = "150 Computing.\r\n250 abc";
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(client.say("SITE MD5 a"), "150 Computing.");
    EXPECT_EQ(client.reply(), "250 abc");
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Commands, that_are_malformed_change_nothing) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    const auto heard = world.backend(0).heard.size();
    EXPECT_EQ(client.ask(""), 500);
    EXPECT_EQ(client.ask("!?"), 500);
    client.send_bytes(std::string("CWD a\0b\r\n", 9));
    EXPECT_EQ(client.code(), 501);
    EXPECT_EQ(client.ask("CWD a\rDELE b"), 501);
    EXPECT_EQ(client.ask("CWD " + std::string(9000, 'x')), 500);
    EXPECT_EQ(world.backend(0).heard.size(), heard);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Commands, are_never_inserted_between_rnfr_and_rnto) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_NE(client.passive_port("EPSV"), 0);
    EXPECT_EQ(client.ask("REST 5"), 350);
    EXPECT_EQ(client.ask("RNFR a"), 350);
    world.loop.run_for(10min);
    EXPECT_EQ(client.ask("RNTO b"), 250);
}

TEST(Commands, set_up_data_without_asking_the_backend) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    const auto heard = world.backend(0).heard.size();
    EXPECT_TRUE(client.say("PASV").starts_with("227 Entering Passive Mode (192,0,2,1,"));
    EXPECT_EQ(client.ask("EPSV 1"), 229);
    EXPECT_EQ(client.ask("EPSV 2"), 522);
    EXPECT_EQ(client.ask("EPSV x"), 501);
    EXPECT_EQ(client.ask("PORT 198,51,100,7,200,1"), 200);
    EXPECT_EQ(client.ask("EPRT |1|198.51.100.7|51201|"), 200);
    EXPECT_EQ(client.ask("EPRT |3|198.51.100.7|51201|"), 522);
    EXPECT_EQ(client.ask("PORT 198,51,100,8,200,1"), 501);
    EXPECT_EQ(client.ask("PORT 198,51,100,7,3,255"), 501);
    EXPECT_EQ(client.ask("PORT 198,51,100,7,4,0"), 200);
    EXPECT_EQ(client.ask("PORT nonsense"), 501);
    EXPECT_EQ(world.backend(0).heard.size(), heard);
}

/// The replies to PORT and EPRT from a public or a private address, under `active_address`.
class ActiveAddress : public testing::Test {
protected:
    static std::string asked(config::ActiveAddress setting, const char* from, const char* command) {
        World world(1,
                    std::string_view(from).starts_with('[') ? "[2001:db8::1]:21" : "192.0.2.1:21");
        world.listener.active_address = setting;
        TestClient client(world, from);
        EXPECT_TRUE(client.log_in());
        const auto code = client.ask(command);
        if (code != 200) return std::to_string(code);
        client.send("RETR a");
        world.loop.run_for(1s);
        const auto& dials = world.network.dials();
        const auto data =
            std::ranges::find(dials, 51201, [](const auto& dial) { return dial.to.port; });
        return data == dials.end() ? "nobody" : base::to_string(data->to);
    }
    static std::string by_control(const char* from, const char* command) {
        return asked(config::ActiveAddress::control, from, command);
    }
    static constexpr auto* outside = "198.51.100.7:50000";
};

TEST_F(ActiveAddress, of_a_client_behind_a_nat_is_its_control_address) {
    EXPECT_EQ(by_control(outside, "PORT 192,168,1,5,200,1"), "198.51.100.7:51201");
    EXPECT_EQ(by_control(outside, "EPRT |1|100.64.0.9|51201|"), "198.51.100.7:51201");
    EXPECT_EQ(by_control("[2001:db8::7]:50000", "EPRT |2|fd00::5|51201|"), "[2001:db8::7]:51201");
    EXPECT_EQ(by_control(outside, "PORT 198,51,100,7,200,1"), "198.51.100.7:51201");
}

TEST_F(ActiveAddress, cannot_name_another_host) {
    EXPECT_EQ(by_control(outside, "PORT 198,51,100,8,200,1"), "501");
    EXPECT_EQ(by_control(outside, "PORT 192,168,1,5,3,255"), "501");
    EXPECT_EQ(by_control(outside, "EPRT |2|fd00::5|51201|"), "501");
    EXPECT_EQ(by_control("10.0.0.7:50000", "PORT 192,168,1,5,200,1"), "501");
    EXPECT_EQ(asked(config::ActiveAddress::named, outside, "PORT 192,168,1,5,200,1"), "501");
}

TEST(Commands, refuse_pasv_at_once_while_the_public_name_is_unknown) {
    World world(1);
    world.listener.public_address = {{std::nullopt, std::nullopt, "ftp.example.org"}};
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PASV"), 425);
    EXPECT_EQ(client.ask("EPSV"), 229);
    world.public_names.set("ftp.example.org", base::Ip::parse("203.0.113.21").value());
    EXPECT_TRUE(client.say("PASV").starts_with("227 Entering Passive Mode (203,0,113,21,"));
    world.public_names.set("ftp.example.org", base::Ip::parse("203.0.113.22").value());
    EXPECT_TRUE(client.say("PASV").starts_with("227 Entering Passive Mode (203,0,113,22,"));
}

TEST(Commands, refuse_pasv_over_ipv6_whatever_the_public_name) {
    World world(1, "[2001:db8::1]:21");
    world.listener.public_address = {{std::nullopt, std::nullopt, "ftp.example.org"}};
    TestClient client(world, "[2001:db8::7]:50000");
    EXPECT_TRUE(client.log_in());
    EXPECT_TRUE(
        client.say("PASV").starts_with("425 Can't open data connection: PASV is for IPv4 only"));
    world.public_names.set("ftp.example.org", base::Ip::parse("203.0.113.21").value());
    EXPECT_TRUE(
        client.say("PASV").starts_with("425 Can't open data connection: PASV is for IPv4 only"));
}

TEST(Commands, remember_epsv_all) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("EPSV ALL"), 200);
    EXPECT_EQ(client.ask("PASV"), 503);
    EXPECT_EQ(client.ask("PORT 198,51,100,7,200,1"), 503);
    EXPECT_EQ(client.ask("EPRT |1|198.51.100.7|51201|"), 503);
    EXPECT_EQ(client.ask("EPSV"), 229);
    EXPECT_FALSE(world.backend(0).has_heard("EPSV ALL"));
    EXPECT_EQ(client.ask("REIN"), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(client.ask("PASV"), 227);
}

TEST(Commands, give_up_a_port_when_the_client_asks_for_another) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    const auto first = client.passive_port("PASV");
    EXPECT_NE(client.passive_port("PASV"), 0);
    EXPECT_EQ(world.network.leases(), 1);
    EXPECT_EQ(client.ask("PORT 198,51,100,7,200,1"), 200);
    EXPECT_EQ(world.network.leases(), 0);
    const auto late = client.connect_to(first);
    world.loop.settle();
    EXPECT_EQ(late->end(), support::DataPeer::End::reset);
    EXPECT_NE(client.passive_port("PASV"), 0);
    EXPECT_EQ(client.ask("QUIT"), 221);
    EXPECT_EQ(world.network.leases(), 0);
}

TEST(Commands, answer_425_when_no_port_is_free) {
    World world(1);
    world.listener.passive_ports = {20000, 20001};
    TestClient first(world);
    TestClient second(world, "198.51.100.7:50900");
    TestClient third(world, "198.51.100.7:50901");
    TestClient elsewhere(world, "198.51.100.8:50000");
    for (auto* client : {&first, &second, &third, &elsewhere}) EXPECT_TRUE(client->log_in());
    EXPECT_EQ(first.ask("PASV"), 227);
    EXPECT_EQ(second.ask("PASV"), 227);
    EXPECT_EQ(third.ask("PASV"), 425);
    EXPECT_EQ(elsewhere.ask("PASV"), 227);
    EXPECT_EQ(first.ask("QUIT"), 221);
    EXPECT_EQ(third.ask("PASV"), 425);  // the first one's connection may still come
    world.loop.run_for(net::PassivePorts::quarantined_for);
    EXPECT_EQ(third.ask("PASV"), 227);
}

/// A client asks for a port and abandons it in one of many ways. Its connection comes late.
class LeavesItsPort : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Commands, LeavesItsPort,
                         testing::Values("QUIT", "REIN", "PORT 198,51,100,7,200,1", "PASV", "EPSV",
                                         "ABOR", "RETR nosuch", "lost"));

TEST_P(LeavesItsPort, and_no_neighbour_behind_the_same_address_gets_it) {
    for (const bool is_exclusive : {false, true}) {
        World world(1);
        // One port for each client, and a spare one.
        world.listener.passive_ports = {20000, 20002};
        if (is_exclusive) world.listener.data_peer.kind = config::DataPeer::Kind::any;
        const std::string way = GetParam();
        TestClient first(world);
        TestClient second(world, "198.51.100.7:50900");
        ASSERT_TRUE(first.log_in() && second.log_in());
        const auto port = first.passive_port("PASV");
        if (way == "lost")
            first.vanish();
        else
            EXPECT_GT(first.ask(way), 0);
        world.loop.settle();
        const auto other = second.passive_port("PASV");
        ASSERT_NE(other, 0);
        EXPECT_NE(other, port);
        const auto late = second.connect_to(port);
        world.loop.settle();
        EXPECT_EQ(late->end(), support::DataPeer::End::reset);
    }
}

TEST(Commands, free_an_unused_port_although_the_session_continues) {
    World world(1);
    world.backend(0).files["a"] = "hello";
    world.listener.passive_ports = {20000, 20000};
    TestClient first(world);
    TestClient second(world, "198.51.100.7:50900");
    ASSERT_TRUE(first.log_in() && second.log_in());
    ASSERT_EQ(first.ask("PASV"), 227);
    for (int i = 0; i < 5; ++i) {
        world.loop.run_for(10s);
        EXPECT_EQ(first.ask("NOOP"), 200);
    }
    EXPECT_EQ(second.ask("PASV"), 425);
    world.loop.run_for(10s);
    EXPECT_EQ(first.ask("NOOP"), 200);
    const auto data = second.open_data("PASV");
    ASSERT_TRUE(data);
    EXPECT_EQ(first.ask("RETR a"), 425);
    EXPECT_EQ(second.ask("RETR a"), 150);
    EXPECT_EQ(second.code(), 226);
    EXPECT_EQ(data->received(), "hello");
}

TEST(Commands, keep_the_port_while_a_transfer_waits_for_its_client) {
    World world(1);
    world.backend(0).files["a"] = "hello";
    world.listener.data_connect_timeout = 5min;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.loop.run_for(2min);
    const auto data = client.connect_to(port);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "hello");
}

TEST(Commands, reuse_a_sessions_own_port_if_no_other_is_free) {
    World world(1);
    world.listener.passive_ports = {20000, 20000};
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(client.ask("PASV"), 227);
        EXPECT_EQ(client.ask("ABOR"), 226);
    }
}

TEST(Commands, answer_pasv_with_425_on_an_ipv6_connection) {
    World world(1, "[2001:db8::1]:21");
    // An IPv4 address does not help: the port is open on the IPv6 address.
    world.listener.public_address = {{std::nullopt, base::Ip::parse("203.0.113.21").value()}};
    TestClient client(world, "[2001:db8::7]:50000");
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PASV"), 425);
    EXPECT_EQ(client.ask("EPSV"), 229);
    EXPECT_EQ(client.ask("EPSV 1"), 522);
    EXPECT_EQ(client.ask("EPRT |2|2001:db8::7|51201|"), 200);
}

TEST(Commands, after_rein_need_a_new_login) {
    World world;
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_NE(client.passive_port("EPSV"), 0);
    EXPECT_EQ(client.ask("REIN"), 220);
    EXPECT_EQ(world.seats_taken(), 0);
    EXPECT_EQ(world.network.leases(), 0);
    EXPECT_EQ(world.backend(0).sessions(), 0);
    EXPECT_EQ(client.ask("PWD"), 530);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(world.backend(1).sessions(), 1);
}

TEST(Commands, feat_lists_what_all_backends_can_do_and_ballast_adds) {
    World world;
    world.backend(0).script.features = " MDTM\r\n SIZE\r\n AUTH TLS\r\n UTF8\r\n";
    world.backend(1).script.features = " SIZE\r\n UTF8\r\n LANG EN\r\n";
    world.survey(0);
    world.survey(1);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.say("FEAT"), "211-Features:\r\n EPRT\r\n EPSV\r\n SIZE\r\n UTF8\r\n211 End");
}

/// Two backends that differ: the first has MLSD.
class OwnFeatures : public testing::Test {
protected:
    OwnFeatures() {
        world.backend(0).script.features = " MLST type*;size*;\r\n SIZE\r\n";
        world.backend(1).script.features = " SIZE\r\n";
        world.survey(0);
        world.survey(1);
    }
    static bool has_mlst(TestClient& client) { return client.say("FEAT").contains(" MLST "); }

    World world;
};

TEST_F(OwnFeatures, are_listed_after_login) {
    TestClient first(world);
    TestClient second(world, "198.51.100.8:50000");
    EXPECT_EQ(first.code(), 220);
    EXPECT_FALSE(has_mlst(first));
    EXPECT_EQ(first.ask("USER anna"), 331);
    EXPECT_FALSE(has_mlst(first));  // PASS may still choose another one
    EXPECT_EQ(first.ask("PASS secret"), 230);
    EXPECT_TRUE(second.log_in());
    EXPECT_TRUE(has_mlst(first));
    EXPECT_FALSE(has_mlst(second));
    EXPECT_FALSE(world.backend(0).has_heard("FEAT"));
    EXPECT_EQ(first.ask("REIN"), 220);
    EXPECT_FALSE(has_mlst(first));
}

TEST_F(OwnFeatures, are_asked_for_if_they_were_refused_before_login) {
    backend::Survey none;
    world.knowledge.of(world.pool().status().at(0).backend.id)->set_survey(none);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_TRUE(has_mlst(client));
    world.backend(0).script.replies["FEAT"] = "502 No.";
    EXPECT_EQ(client.say("FEAT"), "211-Features:\r\n EPRT\r\n EPSV\r\n211 End");
    world.backend(0).script.replies["FEAT"] = "421 Enough.";
    EXPECT_EQ(client.say("FEAT"), "421 Enough.");
    EXPECT_TRUE(client.is_ended());
}

TEST_F(OwnFeatures, are_listed_before_login_if_the_client_sticks_to_a_backend) {
    world.pool_settings.stick.by = config::StickBy::network;
    world.renew_pool();
    TestClient first(world);
    EXPECT_EQ(first.code(), 220);
    EXPECT_FALSE(has_mlst(first));
    EXPECT_EQ(first.ask("USER anna"), 331);
    EXPECT_EQ(first.ask("PASS secret"), 230);
    TestClient next(world);
    EXPECT_EQ(next.code(), 220);
    EXPECT_TRUE(has_mlst(next));
    TestClient other(world, "198.51.100.8:50000");
    EXPECT_EQ(other.code(), 220);
    EXPECT_FALSE(has_mlst(other));
}

TEST(Commands, feat_marks_the_facts_that_this_session_has_chosen) {
    World world(1);
    world.backend(0).script.features = " MLST type*;size*;modify;\r\n LANG EN*;FR\r\n";
    world.survey(0);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    const auto facts = [&] {
        const auto features = client.say("FEAT");
        const auto begin = features.find(" MLST ");
        return features.substr(begin, features.find('\r', begin) - begin);
    };
    EXPECT_EQ(facts(), " MLST type*;size*;modify;");
    EXPECT_EQ(client.ask("OPTS mlst modify;"), 200);  // noted, and sent to the backend later
    EXPECT_EQ(facts(), " MLST type;size;modify*;");
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(facts(), " MLST type;size;modify*;");
    world.backend(0).script.replies["OPTS"] = "200 MLST OPTS type;size;";
    EXPECT_EQ(client.ask("OPTS MLST size;type;"), 200);
    EXPECT_EQ(facts(), " MLST type*;size*;modify;");
    world.backend(0).script.replies["OPTS"] = "501 What?";
    EXPECT_EQ(client.ask("OPTS MLST modify;"), 501);
    EXPECT_EQ(facts(), " MLST type*;size*;modify;");
    world.backend(0).script.replies["OPTS"] = "200 MLST OPTS";
    EXPECT_EQ(client.ask("OPTS MLST"), 200);
    EXPECT_EQ(facts(), " MLST type;size;modify;");
    world.backend(0).script.replies["LANG"] = "200 Oui.";
    EXPECT_EQ(client.ask("LANG fr"), 200);
    EXPECT_TRUE(client.say("FEAT").contains(" LANG EN;FR*\r\n"));
    EXPECT_EQ(client.ask("OPTS"), 200);
    EXPECT_EQ(facts(), " MLST type;size;modify;");
}

TEST(Commands, feat_does_not_mark_what_the_backend_refused_after_the_login) {
    World world(1);
    world.backend(0).script.features = " MLST type*;size*;modify;\r\n";
    world.backend(0).script.replies["OPTS"] = "501 What?";
    world.survey(0);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("OPTS MLST modify;"), 200);
    EXPECT_TRUE(client.say("FEAT").contains(" MLST type;size;modify*;\r\n"));
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_TRUE(client.say("FEAT").contains(" MLST type*;size*;modify;\r\n"));
}

TEST(Commands, abor_without_a_transfer_is_answered_once) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    const auto port = client.passive_port("EPSV");
    EXPECT_EQ(client.ask("ABOR"), 226);
    EXPECT_FALSE(client.has_reply());
    EXPECT_FALSE(world.backend(0).has_heard("ABOR"));
    EXPECT_EQ(client.ask("RETR a"), 425);
    // This client does not get the port for a while: its connection may still come.
    for (int i = 0; i < 300; ++i) EXPECT_NE(client.passive_port("EPSV"), port);
}

TEST(Commands, drop_telnet_codes) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    client.send_bytes(
        "\xff\xf4\xff\xf2"
        "ABOR\r\n");
    EXPECT_EQ(client.code(), 226);
}

TEST(Commands, names_pass_byte_for_byte) {
    World world(1);
    world.backend(0).script.replies["DELE"] =
        "\xff\xfe\xe9\xff\xfc\xe9"
        "250 Deleted.";
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    for (const auto* const line : {"DELE \xff\xf2"
                                   "1.doc",
                                   "DELE \xff\xff\xfb\xff", "DELE \xff\xfb\xff\xf0\xff"}) {
        EXPECT_EQ(client.say(line), "250 Deleted.");
        EXPECT_EQ(world.backend(0).heard.back(), line);
    }
    EXPECT_EQ(client.ask("NOOP"), 200);
}

/// Even if the server does not close: what it says afterwards answers nothing.
TEST(Session, ends_with_a_421_that_answers_a_data_command) {
    for (const std::string verb : {"REST", "EPSV"}) {
        World world(1);
        if (verb == "EPSV") world.pool_settings.backend_data = config::BackendData::as_client;
        world.backend(0).script.features.clear();
        world.backend(0).script.replies[verb] = "421 Enough.";
        world.backend(0).script.closes_after_421 = false;
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        EXPECT_EQ(client.say(verb == "REST" ? "REST 5" : "EPSV"), "421 Enough.");
        EXPECT_TRUE(client.is_ended()) << verb;
        EXPECT_EQ(world.sessions(), 0) << verb;
    }
}

TEST(Session, passes_an_unasked_421_on_and_ends) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    world.backend(0).say_to_all("421 I am tired.");
    EXPECT_EQ(client.reply(), "421 I am tired.");
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.sessions(), 0);
}

TEST(Session, drops_other_unasked_replies) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    world.backend(0).say_to_all("250 By the way.");
    EXPECT_FALSE(client.has_reply());
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST(Session, stays_in_step_if_the_backend_sends_too_many_replies_to_a_pipelining_client) {
    World world(1);
    world.backend(0).script.replies["CWD"] = "250 Done.\r\n250 Really.";
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    client.send_bytes("CWD a\r\nPWD\r\nNOOP\r\n");
    EXPECT_EQ(client.reply(), "250 Done.");
    EXPECT_EQ(client.reply(), "257 \"/\" is where you are.");
    EXPECT_EQ(client.reply(), "200 Fine.");
}

TEST(Session, ends_with_421_when_its_backend_goes_away) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    world.backend(0).kill();
    EXPECT_EQ(client.reply(), "421 The connection to the server was lost.");
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST(Session, ends_with_421_when_a_reply_never_comes) {
    World world(1);
    world.backend(0).script.replies["MDTM"] = "";
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    const auto before = world.loop.now();
    EXPECT_EQ(client.ask("MDTM a"), 421);
    EXPECT_EQ(world.loop.now() - before, world.pool_settings.reply_timeout);
}

TEST(Session, takes_a_multi_line_reply_with_a_wrong_last_code) {
    World world(1);
    world.backend(0).script.replies["SITE"] = "211-Begin\r\n inside\r\n214 End";
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    const auto before = world.loop.now();
    EXPECT_TRUE(client.say("SITE HELP").ends_with("214 End"));
    EXPECT_LE(world.loop.now() - before, 1s);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Session, ends_after_its_idle_timeout) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    world.loop.run_for(14min);
    EXPECT_EQ(client.ask("NOOP"), 200);
    const auto before = world.loop.now();
    EXPECT_EQ(client.reply(), "421 Idle for too long.");
    EXPECT_EQ(world.loop.now() - before, world.listener.idle_timeout);
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.sessions(), 0);
}

TEST(Session, answers_quit_even_when_the_backend_does_not) {
    World world(1);
    world.backend(0).script.replies["QUIT"] = "";
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    const auto before = world.loop.now();
    EXPECT_EQ(client.ask("QUIT"), 221);
    EXPECT_LE(world.loop.now() - before, 2s);
}

TEST(Session, answers_quit_before_login) {
    World world;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("QUIT"), 221);
    EXPECT_TRUE(client.is_ended());
}

TEST(Session, answers_a_quit_that_is_followed_by_a_half_close) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    client.send("QUIT");
    client.half_close();
    EXPECT_EQ(client.code(), 221);
    EXPECT_TRUE(client.is_ended());
}

TEST(Session, ends_when_the_client_goes_away) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    client.vanish();
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.seats_taken(), 0);
    EXPECT_EQ(world.backend(0).sessions(), 0);
}

TEST(Session, does_not_wait_for_ever_for_a_client_that_reads_nothing) {
    World world(1);
    world.network.shape.pipe_bytes = 256;
    auto stream =
        world.network.connect(base::Address::parse("198.51.100.7:50000").value(), world.address());
    for (int i = 0; i < 30; ++i) (void)stream->write(std::string_view("NOOP\r\n"));
    world.loop.run_for(1s);
    EXPECT_EQ(world.sessions(), 1);
    world.loop.run_for(world.listener.write_timeout);
    EXPECT_EQ(world.sessions(), 0);
}

TEST(Session, says_421_at_once_when_it_is_stopped_while_idle) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    world.session().stop();
    EXPECT_EQ(client.reply(), "421 Service is shutting down.");
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.sessions(), 0);
}

TEST(Session, works_byte_by_byte) {
    World world(1);
    world.network.shape.slice_bytes = 1;
    world.backend(0).files["a"] = "some content\r\nof two lines";
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    for (const char* verb : {"PASV", "EPSV", "PORT", "EPRT"}) {
        const auto down = client.open_data(verb);
        ASSERT_NE(down, nullptr) << verb;
        EXPECT_EQ(client.ask("RETR a"), 150) << verb;
        EXPECT_EQ(client.code(), 226) << verb;
        world.loop.settle();
        EXPECT_EQ(down->received(), world.backend(0).files["a"]);
        EXPECT_EQ(down->end(), support::DataPeer::End::proper);

        const auto up = client.open_data(verb);
        EXPECT_EQ(client.ask("STOR b"), 150);
        up->send("what the client has");
        up->finish();
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(world.backend(0).stored.back().bytes, "what the client has");
        EXPECT_TRUE(world.backend(0).stored.back().is_whole);
    }
    EXPECT_EQ(client.ask("SITE HELP"), 200);
    EXPECT_EQ(client.ask("QUIT"), 221);
}

}  // namespace
}  // namespace ballast::session
