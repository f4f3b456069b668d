// SPDX-License-Identifier: Apache-2.0
// `backend_data = "as-client"`: the backend gets the client's own commands, and the client gets the
// backend's own replies.
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::DataPeer;
using support::TestClient;
using support::World;

const std::string large(400'000, 'x');

class AsClient : public testing::Test {
protected:
    AsClient() {
        world.pool_settings.backend_data = config::BackendData::as_client;
        world.pool_settings.data_ports = base::PortRange{21000, 21003};
        backend.files["a"] = "content";
        backend.files["large"] = large;
    }
    /// The commands that the backend got since login.
    [[nodiscard]] std::vector<std::string> dialog() const {
        const auto pass = std::ranges::find(backend.heard, "PASS secret");
        return {pass == backend.heard.end() ? pass : pass + 1, backend.heard.end()};
    }
    /// How many connections were begun to the backend's data ports.
    [[nodiscard]] std::ptrdiff_t data_dials() const {
        return std::ranges::count_if(world.network.dials(), [&](const net::Dial& dial) {
            return dial.to.ip == backend.address().ip && dial.to.port >= 40'000;
        });
    }

    World world{1};
    support::FakeBackend& backend = world.backend(0);
};

TEST_F(AsClient, connects_to_the_backends_port_before_the_command) {
    backend.script.waits_for_data = true;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (const auto* const verb : {"PASV", "EPSV"}) {
        const auto port = client.passive_port(verb);
        EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
        const auto data = client.connect_to(port);
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(data->received(), "content");
    }
    EXPECT_EQ(data_dials(), 2);
}

TEST_F(AsClient, answers_PASV_before_the_connection_is_made) {
    const base::Address data_port{backend.address().ip, backend.next_data_port};
    world.network.black_hole(data_port);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto began = world.loop.now();
    const auto data = client.open_data("PASV");
    ASSERT_NE(data, nullptr);
    EXPECT_EQ(client.ask("PWD"), 257);
    EXPECT_EQ(world.loop.now(), began);
    EXPECT_EQ(client.ask("RETR a"), 425);
    EXPECT_LE(world.loop.now() - began, world.pool_settings.connect_timeout);
    EXPECT_EQ(client.ask("PWD"), 257);
}

TEST_F(AsClient, a_session_may_end_while_the_connection_is_being_made) {
    world.network.black_hole({backend.address().ip, backend.next_data_port});
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PASV");
    client.vanish();
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.network.leases(), 0);
}

TEST_F(AsClient, an_unknown_verb_needs_no_second_EPSV) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.say("XFOO"), "502 What?");
    EXPECT_EQ(client.say("XBAR a"), "502 What?");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "content");
    EXPECT_EQ(dialog(), (std::vector<std::string>{"EPSV", "XFOO", "XBAR a", "RETR a"}));
    EXPECT_EQ(data_dials(), 1);
}

TEST_F(AsClient, an_unknown_verb_needs_no_second_PORT) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPRT");
    EXPECT_EQ(client.say("XFOO"), "502 What?");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "content");
    EXPECT_EQ(dialog().size(), 3);
    EXPECT_EQ(world.network.leases(), 0);
}

TEST_F(AsClient, REST_is_passed_on_when_the_client_sends_it) {
    backend.files["a"] = "0123456789";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto whole = client.open_data("EPSV");
    EXPECT_EQ(client.say("REST 0"), "350 Restarting.");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(whole->received(), "0123456789");
    const auto rest = client.open_data("EPSV");
    EXPECT_EQ(client.say("REST 7"), "350 Restarting.");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(rest->received(), "789");
    EXPECT_EQ(dialog(),
              (std::vector<std::string>{"EPSV", "REST 0", "RETR a", "EPSV", "REST 7", "RETR a"}));
    backend.script.replies["REST"] = "501 Not that many.";
    EXPECT_EQ(client.say("REST many"), "501 Not that many.");
}

TEST_F(AsClient, an_unused_REST_does_not_affect_a_later_transfer) {
    world.limits.transfers = 1;
    backend.script.final_delay = 1s;
    TestClient other(world);
    ASSERT_TRUE(other.log_in());
    const auto running = other.open_data("EPSV");
    EXPECT_EQ(other.ask("RETR a"), 150);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto refused = client.open_data("EPSV");
    EXPECT_EQ(client.ask("REST 4"), 350);
    EXPECT_EQ(client.ask("RETR a"), 425);
    EXPECT_EQ(other.code(), 226);
    const auto first = backend.heard.size();
    const auto data = client.open_data("EPSV");
    data->send("whole");
    data->finish();
    EXPECT_EQ(client.ask("STOR b"), 150);
    EXPECT_EQ(client.code(), 226);
    const std::vector<std::string> heard(backend.heard.begin() + static_cast<std::ptrdiff_t>(first),
                                         backend.heard.end());
    EXPECT_EQ(heard, (std::vector<std::string>{"EPSV", "REST 0", "STOR b"}));
}

TEST_F(AsClient, an_active_client_uploads_under_required_session_reuse) {
    world.tls_server = support::make_tls_server();
    world.listener.tls.emplace().session_reuse = config::SessionReuse::required;
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    client.wraps_data = true;
    for (const auto* const verb : {"PORT", "EPRT"}) {
        const auto data = client.open_data(verb);
        client.send("STOR b");
        EXPECT_EQ(client.code(1s), 150);
        data->send("whole");
        data->finish();
        EXPECT_EQ(client.code(5s), 226);
        ASSERT_FALSE(backend.stored.empty());
        EXPECT_EQ(backend.stored.back().bytes, "whole");
    }
}

TEST_F(AsClient, the_backend_answers_ABOR) {
    const std::vector<std::vector<std::string>> manners = {
        {"426 Broken off."},
        {"426 Broken off.", "226 ABOR it was."},
        {"426 Broken off.", "225 ABOR it was."},
        {"426 Broken off.", "226-ABOR\r\n226 it was.", "226 Really."},
    };
    for (const auto& manner : manners) {
        backend.script.abort_replies = manner;
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        const auto data = client.open_data("EPSV");
        data->stop_reading();
        EXPECT_EQ(client.ask("RETR large"), 150);
        client.send("ABOR");
        for (const auto& reply : manner) EXPECT_EQ(client.reply(), reply);
        EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
        data->resume_reading();
        world.loop.settle();
        EXPECT_EQ(data->end(), DataPeer::End::reset);
    }
}

TEST_F(AsClient, ABOR_after_the_backends_226_does_not_make_a_download_whole) {
    backend.script.final_reply_first = true;
    backend.script.abort_replies = {"225 Nothing."};
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    world.loop.settle();
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.say("PWD"), "225 Nothing.");
    EXPECT_EQ(client.code(), 257);
    data->resume_reading();
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::reset);
}

TEST_F(AsClient, a_second_reply_to_ABOR_does_not_answer_the_next_command) {
    backend.script.replies["ABOR"] = "426 Nothing moves.\r\n226 Aborted it all the same.";
    backend.script.reply_delay = 5ms;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("ABOR"), "426 Nothing moves.");
    EXPECT_EQ(client.reply(), "226 Aborted it all the same.");
    EXPECT_EQ(client.ask("PWD"), 257);
    EXPECT_EQ(client.ask("NOOP"), 200);
    backend.script.replies["ABOR"] = "421 Enough.";
    EXPECT_EQ(client.say("ABOR"), "421 Enough.");
    EXPECT_TRUE(client.is_ended());
}

TEST_F(AsClient, the_backend_also_answers_ABOR_without_a_transfer) {
    backend.script.replies["ABOR"] = "225 Nothing to do.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("ABOR"), "225 Nothing to do.");
    const auto data = client.open_data("PORT");
    EXPECT_EQ(client.say("ABOR"), "225 Nothing to do.");
    EXPECT_EQ(world.network.leases(), 0);
    EXPECT_EQ(client.ask("RETR a"), 425);
}

TEST_F(AsClient, an_active_client_is_not_dialled_for_a_refused_transfer) {
    for (const auto* const refusal : {"425 Not now.", "550 No such file.", "421 I am leaving."}) {
        backend.script.replies["RETR"] = refusal;
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        const auto data = client.open_data("EPRT");
        EXPECT_EQ(client.say("RETR a"), refusal);
        world.loop.settle();
        EXPECT_FALSE(data->is_connected()) << refusal;
        EXPECT_EQ(world.network.leases(), 0);
    }
}

TEST_F(AsClient, an_active_client_is_dialled_after_the_backend_has_connected) {
    backend.script.replies["RETR"] = backend.script.replies["STOR"] = "150 Here it comes.";
    for (const auto* const command : {"RETR a", "STOR b"}) {
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        const auto data = client.open_data("EPRT");
        EXPECT_EQ(client.ask(command), 150);
        world.loop.settle();
        EXPECT_FALSE(data->is_connected());
        backend.say_to_all("425 Can't open data connection.");
        EXPECT_EQ(client.reply(), "425 Can't open data connection.");
        EXPECT_FALSE(data->is_connected());
        EXPECT_EQ(client.ask("PWD"), 257);
        EXPECT_FALSE(backend.has_heard("ABOR"));
        EXPECT_EQ(world.network.leases(), 0);
    }
}

TEST_F(AsClient, an_upload_refused_after_its_end_is_not_aborted) {
    backend.script.final_reply = "552 Disk full.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("content");
    data->finish();
    EXPECT_EQ(client.reply(), "552 Disk full.");
    EXPECT_EQ(client.ask("PWD"), 257);
    EXPECT_FALSE(backend.has_heard("ABOR"));
}

TEST_F(AsClient, an_unreachable_active_client_breaks_the_transfer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (const auto* const command : {"RETR a", "STOR b"}) {
        EXPECT_EQ(client.ask("EPRT |1|198.51.100.7|50999|"), 200);  // nothing listens there
        EXPECT_EQ(client.ask(command), 150);
        EXPECT_EQ(client.code(), 425);
        EXPECT_EQ(client.ask("PWD"), 257);
    }
    ASSERT_EQ(backend.stored.size(), 1);
    EXPECT_FALSE(backend.stored[0].is_whole);
}

TEST_F(AsClient, an_active_client_gets_a_file_that_is_confirmed_without_150) {
    backend.script.begin_reply = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPRT");
    EXPECT_EQ(client.ask("RETR a"), 226);
    world.loop.settle();
    EXPECT_EQ(data->received(), "content");
    EXPECT_EQ(data->end(), DataPeer::End::proper);
}

TEST_F(AsClient, a_connection_stays_until_the_backend_agrees_to_the_next) {
    std::vector<std::unique_ptr<DataPeer>> accepted;
    std::vector<std::string> heard_by_then;
    for (const auto port : std::initializer_list<std::uint16_t>{1029, 1030}) {
        world.network.listen({backend.address().ip, port}, [&](auto stream) {
            auto& peer =
                *accepted.emplace_back(std::make_unique<DataPeer>(world.loop, std::move(stream)));
            if (accepted.size() == 1)
                peer.at_change = [&] {
                    if (peer.end() != DataPeer::End::open) heard_by_then = dialog();
                };
        });
    }
    backend.script.replies["PASV"] = "227 There (10,0,0,11,4,5)";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_NE(client.passive_port("PASV"), 0);
    EXPECT_EQ(client.ask("ABOR"), 226);
    world.loop.settle();
    ASSERT_EQ(accepted.size(), 1);
    EXPECT_EQ(accepted[0]->end(), DataPeer::End::open);
    backend.script.replies["PASV"] = "227 There (10,0,0,11,4,6)";
    EXPECT_NE(client.passive_port("PASV"), 0);
    world.loop.settle();
    EXPECT_EQ(accepted.size(), 2);
    EXPECT_EQ(accepted[0]->end(), DataPeer::End::reset);
    EXPECT_EQ(heard_by_then, (std::vector<std::string>{"PASV", "ABOR", "NOOP", "PASV"}));
}

TEST_F(AsClient, PROT_comes_before_the_request_for_a_port) {
    world.tls_server = support::make_tls_server();
    world.listener.tls.emplace();
    world.tls_client = support::make_tls_client();
    world.pool_settings.backends[0].tls.mode = config::BackendTlsMode::explicit_tls;
    backend.script.tls = support::make_tls_server();
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("REST 3"), 350);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(data->received(), "tent");
    EXPECT_EQ(dialog(), (std::vector<std::string>{"PBSZ 0", "PROT P", "EPSV", "REST 3", "RETR a"}));
}

TEST_F(AsClient, NOOP_is_tried_before_the_request_for_a_port) {
    backend.script.replies["NOOP"] = "530 Who are you?";
    world.survey(0);
    backend.script.replies.erase("NOOP");
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("REST 3"), 350);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(dialog(), (std::vector<std::string>{"NOOP", "EPSV", "REST 3", "RETR a"}));
}

}  // namespace
}  // namespace ballast::session
