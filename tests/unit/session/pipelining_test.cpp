// SPDX-License-Identifier: Apache-2.0
// PASV or EPSV and the transfer's command in one write.
#include "support/test_client.h"

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

/// A backend that reads several commands at once, and a session that has made one download there.
class Pipelining : public testing::Test {
protected:
    void begin() {
        backend().script.reads_several = true;
        backend().files["a"] = "content";
        world.survey(0);
        client.emplace(world);
        ASSERT_TRUE(client->log_in());
        ASSERT_EQ(download("a"), "content");
    }
    support::FakeBackend& backend() { return world.backend(0); }
    /// Downloads a file. True if RETR went out before the answer to EPSV.
    bool is_ahead(std::string_view verb = "EPSV") {
        const auto before = backend().behind_others;
        EXPECT_EQ(download("a", verb), "content");
        return backend().behind_others > before;
    }
    std::string download(std::string_view name, std::string_view verb = "EPSV") {
        const auto data = client->open_data(verb);
        client->send("RETR " + std::string(name));
        if (client->code() != 150 || client->code() != 226) return "(failed)";
        return data->received();
    }

    World world{1};
    std::optional<TestClient> client;
};

TEST_F(Pipelining, sends_the_command_with_epsv) {
    begin();
    EXPECT_TRUE(is_ahead());
    EXPECT_EQ(client->ask("NOOP"), 200);
}

TEST_F(Pipelining, sends_the_command_with_pasv) {
    world.pool_settings.backend_data = config::BackendData::pasv;
    begin();
    EXPECT_TRUE(is_ahead());
    EXPECT_TRUE(backend().has_heard("PASV"));
}

TEST_F(Pipelining, reaches_an_active_client_first) {
    begin();
    EXPECT_TRUE(is_ahead("PORT"));
    const auto before = backend().heard.size();
    ASSERT_EQ(client->ask("PORT 198,51,100,7,200,200"), 200);  // nobody listens there
    EXPECT_EQ(client->ask("RETR a"), 425);
    EXPECT_EQ(backend().heard.size(), before);
}

TEST_F(Pipelining, waits_for_the_first_data_connection) {
    backend().script.reads_several = true;
    backend().files["a"] = "content";
    world.survey(0);
    client.emplace(world);
    ASSERT_TRUE(client->log_in());
    EXPECT_FALSE(is_ahead());
    EXPECT_TRUE(is_ahead());
}

TEST_F(Pipelining, is_for_servers_that_read_several_commands) {
    backend().files["a"] = "content";
    world.survey(0);
    client.emplace(world);
    ASSERT_TRUE(client->log_in());
    EXPECT_EQ(download("a"), "content");
    EXPECT_FALSE(is_ahead());
}

TEST_F(Pipelining, can_be_switched_off) {
    world.pool_settings.pipelining = false;
    begin();
    EXPECT_FALSE(is_ahead());
}

/// An upload that has begun replaces the file, even if its data connection fails.
TEST_F(Pipelining, is_not_for_uploads) {
    begin();
    backend().script.replies["EPSV"] = "425 No port.";
    const auto data = client->open_data("EPSV");
    EXPECT_EQ(client->ask("STOR a"), 425);
    EXPECT_FALSE(backend().has_heard("STOR a"));
}

/// Some servers forget REST at any command but the transfer's.
TEST_F(Pipelining, is_not_for_restarted_transfers) {
    begin();
    const auto data = client->open_data("EPSV");
    ASSERT_EQ(client->ask("REST 3"), 350);
    EXPECT_EQ(client->ask("RETR a"), 150);
    EXPECT_EQ(client->code(), 226);
    EXPECT_EQ(data->received(), "tent");
}

TEST_F(Pipelining, takes_the_command_back_if_there_is_no_port) {
    begin();
    backend().script.replies["EPSV"] = "425 No port.";
    backend().script.replies["RETR"] = "425 Use PORT or PASV first.";
    const auto data = client->open_data("EPSV");
    EXPECT_EQ(client->say("RETR a"), "425 Can't open data connection: No port.");
    EXPECT_NE(data->end(), DataPeer::End::proper);
    backend().script.replies.clear();
    EXPECT_EQ(client->ask("NOOP"), 200);
    EXPECT_EQ(client->ask("SIZE a"), 213);
    // The next one waits for the answer, the one after it does not.
    EXPECT_FALSE(is_ahead());
    EXPECT_TRUE(is_ahead());
}

TEST_F(Pipelining, takes_the_command_back_if_the_port_is_unreachable) {
    begin();
    backend().script.replies["EPSV"] = "229 Nobody listens there (|||1234|)";
    const auto data = client->open_data("EPSV");
    EXPECT_EQ(client->ask("RETR a"), 425);
    EXPECT_TRUE(backend().has_heard("ABOR"));
    backend().script.replies.clear();
    EXPECT_EQ(client->ask("NOOP"), 200);
    EXPECT_EQ(download("a"), "content");
}

/// The server waits for its data connection, and may hear no ABOR until then (vsftpd).
TEST_F(Pipelining, leaves_the_backend_if_sockets_run_short) {
    begin();
    for (std::uint16_t i = 0; i < 4; ++i) {
        const auto port = static_cast<std::uint16_t>(backend().next_data_port + i);
        world.network.run_short({backend().address().ip, port}, std::errc::too_many_files_open);
    }
    const auto data = client->open_data("EPSV");
    client->send("RETR a");
    EXPECT_EQ(client->code(1s), 451);
    EXPECT_NE(data->end(), DataPeer::End::proper);
    EXPECT_FALSE(backend().has_heard("ABOR"));
}

/// The refusal closes the port, before we reach it.
TEST_F(Pipelining, passes_a_refusal_on) {
    begin();
    const auto data = client->open_data("EPSV");
    EXPECT_EQ(client->say("RETR none"), "550 No such file.");
    EXPECT_FALSE(backend().has_heard("ABOR"));
    EXPECT_EQ(client->ask("NOOP"), 200);
    EXPECT_TRUE(is_ahead());
}

TEST_F(Pipelining, passes_a_farewell_on) {
    begin();
    backend().script.replies["EPSV"] = "421 Timeout.";
    const auto data = client->open_data("EPSV");
    EXPECT_EQ(client->say("RETR a"), "421 Timeout.");
    EXPECT_TRUE(client->is_ended());
}

TEST_F(Pipelining, goes_on_at_another_backend) {
    World two(2);
    two.pool_settings.failover = config::Failover::session;
    for (std::size_t i = 0; i < 2; ++i) {
        two.backend(i).script.reads_several = true;
        two.backend(i).files["a"] = "content";
        two.survey(i);
    }
    TestClient other(two);
    ASSERT_TRUE(other.log_in());
    for (int i = 0; i < 2; ++i) {
        const auto data = other.open_data("EPSV");
        ASSERT_EQ(other.ask("RETR a"), 150);
        ASSERT_EQ(other.code(), 226);
    }
    const std::size_t served = two.backend(0).has_heard("RETR a") ? 0 : 1;
    const auto data = other.open_data("EPSV");
    two.backend(served).script.replies["EPSV"] = std::string(support::closes);
    EXPECT_EQ(other.ask("RETR a"), 150);
    EXPECT_EQ(other.code(), 226);
    EXPECT_EQ(data->received(), "content");
    EXPECT_TRUE(two.backend(1 - served).has_heard("RETR a"));
}

}  // namespace
}  // namespace ballast::session
