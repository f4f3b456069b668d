// SPDX-License-Identifier: Apache-2.0
#include "simulation/servers.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace ballast::simulation {

namespace {

using namespace std::chrono_literals;
using Fault = support::BackendScript::Fault;

/// The directories that clients go to: a session that hears of another one's has been mixed up.
constexpr int directories = 32;

support::DirectoryTree tree() {
    support::DirectoryTree made;
    for (int i = 0; i < directories; ++i) made.directories.insert(fmt::format("/c{}", i));
    return made;
}

}  // namespace

Servers::Servers(support::MemoryNetwork& network, Trace& trace, std::uint64_t seed,
                 std::size_t pools, std::size_t each, std::size_t bytes_max, bool are_alike)
    : network_(network),
      trace_(trace),
      chance_(seed),
      bytes_max_(bytes_max),
      are_alike_(are_alike) {
    for (std::size_t pool = 0; pool < pools; ++pool)
        for (std::size_t i = 0; i < each; ++i) {
            const auto ip = base::Ip::parse(fmt::format("10.0.{}.{}", pool, 11 + i)).value();
            auto backend = std::make_unique<support::FakeBackend>(network_, base::Address{ip, 21});
            servers_.push_back({fmt::format("p{}b{}", pool, i), pool, std::move(backend)});
            give_character(servers_.back());
        }
}

Servers::Server* Servers::find(std::string_view name) {
    const auto found = std::ranges::find(servers_, name, &Server::name);
    return found == servers_.end() ? nullptr : &*found;
}

void Servers::give_character(Server& server) {
    auto& script = server.backend->script;
    script = {};
    script.tree = tree();
    network_.delay(server.backend->address(), chance_.percent(80) ? 0ms : chance_.moment(0ms, 4s));
    server.backend->listing =
        fmt::format("-rw-r--r-- 1 u g 5 Jan 1 00:00 on-{}\r\n",
                    are_alike_ ? fmt::format("p{}", server.pool) : server.name);
    server.confirms_early = false;
    script.knows_epsv = !chance_.percent(20);
    script.reads_several = chance_.percent(50);
    script.reply_delay = chance_.percent(50) ? 0ms : chance_.moment(0ms, 50ms);
    if (chance_.percent(50)) script.abort_replies = {"426 Aborted."};
    script.abort_gap = chance_.moment(0ms, 50ms);
    script.status_waits = chance_.percent(50);
    if (chance_.percent(50)) give_faults(server);
}

void Servers::give_faults(Server& server) {
    auto& script = server.backend->script;
    if (chance_.percent(5)) script.greeting = "";
    if (chance_.percent(5)) script.greeting = "421 Full.";
    if (chance_.percent(5)) script.replies["USER"] = "421 Full.";
    if (chance_.percent(5)) script.replies["PASS"] = "421 Full.";
    if (chance_.percent(5)) script.replies["PASS"] = support::closes;
    if (chance_.percent(5)) script.replies["CWD"] = "";  // silent
    if (chance_.percent(10)) script.reply_delay = chance_.moment(100ms, 8s);
    if (chance_.percent(10)) script.begin_reply = "";
    if (chance_.percent(5)) script.begin_reply = "150-Much\r\n 226 words\r\n150 Here.";
    if (chance_.percent(5)) script.connects_data = false;
    if (chance_.percent(5)) script.waits_for_data = true;
    if (chance_.percent(5)) script.status_reply = "";
    if (chance_.percent(5)) script.replies["EPSV"] = script.replies["PASV"] = "425 No port.";
    if (chance_.percent(15)) script.final_waits_for_close = true;
    if (chance_.percent(20)) script.final_delay = chance_.moment(0ms, 3s);
    if (chance_.percent(20)) script.abort_replies = {"426 Aborted.", "226 Done.", "226 Done."};
    if (chance_.percent(20))
        script.final_reply = chance_.pick(
            {"451 No.", "552 Full.", "", "421 Bye.", "250 Done.", "226-Much\r\n226 words."});
    // A proper end behind an early 226 would look whole to the client. So such a server never dies.
    server.confirms_early = chance_.percent(15);
    const bool is_in_wrong_order = server.confirms_early && chance_.percent(30);
    script.final_reply_first = server.confirms_early && !is_in_wrong_order;
    if (is_in_wrong_order) {
        script.begin_reply = "226 Done.";
        script.final_reply = "150 Here it comes.";
        script.final_delay = 0ms;
        script.reply_delay = 0ms;  // so that it is over before the next command
    }
    if (server.confirms_early || !chance_.percent(60)) return;
    script.fault = chance_.pick(
        {Fault::reset_data, Fault::killed, Fault::lose_control, Fault::ends_early, Fault::stall});
    script.fault_after = chance_.below(bytes_max_);
}

void Servers::change() {
    auto& server = servers_[chance_.below(servers_.size())];
    auto& backend = *server.backend;
    if (!network_.is_listening(backend.address())) {
        trace_.note(server.name, "comes back");
        return backend.open();
    }
    const auto what = chance_.below(4);
    if (what == 0) {
        trace_.note(server.name, "accepts no more");
        backend.close();
    } else if (what == 3) {
        trace_.note(server.name, "says 421 to all");
        backend.say_to_all("421 Bye.");
    } else if (what == 1 && !server.confirms_early) {
        trace_.note(server.name, "dies");
        backend.kill();
    } else if (!server.confirms_early) {
        trace_.note(server.name, "changes");
        give_character(server);
    }
}

}  // namespace ballast::simulation
