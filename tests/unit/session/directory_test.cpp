// SPDX-License-Identifier: Apache-2.0
#include "session/directory.h"

#include "support/test_client.h"
#include "support/tls_ends.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

View only_view(World& world) { return world.directory().slice({}, 10).at(0); }

TEST(Directory, is_read_in_slices_in_the_order_of_ids) {
    World world(1);
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 25; ++i)
        clients.push_back(
            std::make_unique<TestClient>(world, fmt::format("198.51.100.7:{}", 50000 + i)));
    for (auto& client : clients) EXPECT_EQ(client->code(), 220);
    std::set<std::string> seen;
    std::string after;
    std::vector<std::size_t> sizes;
    do {
        const auto slice = world.directory().slice(after, 10);
        sizes.push_back(slice.size());
        for (const auto& view : slice) {
            EXPECT_LT(after, view.id);
            after = view.id;
            seen.insert(view.id);
        }
        // Sessions may end between two slices.
        world.loop.run_for(1s);
    } while (sizes.back() == 10);
    EXPECT_EQ(sizes, (std::vector<std::size_t>{10, 10, 5}));
    EXPECT_EQ(seen.size(), 25U);
}

TEST(View, shows_the_client_and_what_the_session_is_doing) {
    World world(1);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    auto view = only_view(world);
    EXPECT_EQ(view.listener, "ftp");
    EXPECT_EQ(base::to_string(view.client), "198.51.100.7:50000");
    EXPECT_EQ(view.phase, Phase::idle);
    EXPECT_EQ(view.user, "");
    EXPECT_EQ(view.backend, "");
    EXPECT_EQ(view.began_at, world.loop.now());
    world.loop.run_for(3s);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    view = only_view(world);
    EXPECT_EQ(view.user, "anna");
    EXPECT_EQ(view.pool, "files");
    EXPECT_EQ(view.backend, "alf1");
    EXPECT_EQ(view.phase, Phase::idle);
    EXPECT_EQ(view.phase_since, world.loop.now());
    EXPECT_EQ(view.command, "");
    world.backend(0).script.replies["SITE"] = "";
    client.send("SITE CHMOD 640 a");
    world.loop.run_for(2s);
    view = only_view(world);
    EXPECT_EQ(view.phase, Phase::working);
    EXPECT_EQ(view.command, "SITE CHMOD 640 a");
    EXPECT_EQ(world.loop.now() - view.phase_since, 2s);
}

TEST(View, shows_the_running_transfer) {
    World world(1);
    world.backend(0).files["a"] = std::string(300'000, 'x');
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_FALSE(only_view(world).transfer);
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.loop.run_for(1s);
    const auto view = only_view(world);
    EXPECT_EQ(view.phase, Phase::in_transfer);
    ASSERT_TRUE(view.transfer);
    EXPECT_EQ(view.transfer->progress.phase, TransferPhase::moving);
    EXPECT_EQ(view.transfer->progress.direction, ftp::Direction::download);
    EXPECT_EQ(view.transfer->verb, "RETR");
    EXPECT_EQ(view.transfer->file, "a");
    EXPECT_EQ(view.transfers, 0U);
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    EXPECT_FALSE(only_view(world).transfer);
    EXPECT_EQ(only_view(world).bytes, 300'000U);
    EXPECT_EQ(only_view(world).transfers, 1U);
}

TEST(View, contains_no_password) {
    World world(1);
    world.backend(0).script.replies["PASS"] = "";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    client.send("PASS secret");
    world.loop.run_for(1s);
    EXPECT_EQ(only_view(world).command, "PASS");
}

TEST(View, shows_the_facts_of_tls) {
    World world(1);
    world.listener.tls.emplace();
    world.tls_server = support::make_tls_server();
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_FALSE(only_view(world).client_tls);
    EXPECT_TRUE(client.secure());
    EXPECT_EQ(client.ask("NOOP"), 200);
    const auto view = only_view(world);
    ASSERT_TRUE(view.client_tls);
    EXPECT_EQ(view.client_tls->version, "TLSv1.3");
    EXPECT_FALSE(view.client_tls->is_resumed);
    EXPECT_FALSE(view.backend_tls);
}

}  // namespace
}  // namespace ballast::session
