// SPDX-License-Identifier: Apache-2.0
#include "support/test_client.h"

#include "ftp/host_port.h"
#include "support/tls_ends.h"

#include <stdexcept>

namespace ballast::support {

TestClient::TestClient(World& world, std::string_view from)
    : world_(world), from_(base::Address::parse(from).value()), control_(world.loop) {
    auto stream = world.network.connect(from_, world.address());
    if (!stream) throw std::runtime_error("the world has no listener");
    control_.take(std::move(stream));
}

void TestClient::send_bytes(std::string_view bytes) { control_.send(bytes); }

void TestClient::parse() {
    for (;;) {
        auto step = parser_.next(std::string_view(control_.received()).substr(parsed_));
        parsed_ += step.consumed;
        if (!step.reply) return;
        if (!*step.reply) throw std::runtime_error("no FTP reply: " + control_.received());
        replies_.push_back(std::move(**step.reply));
    }
}

std::string TestClient::reply(TestLoop::Duration limit) {
    std::size_t looked_at = 0;
    (void)world_.loop.run_until(
        [&] {
            if (control_.received().size() != looked_at) {
                looked_at = control_.received().size();
                parse();
            }
            return !replies_.empty() || control_.end() != DataPeer::End::open;
        },
        limit);
    if (replies_.empty()) return {};
    auto text = std::move(replies_.front().text);
    replies_.pop_front();
    return text.substr(0, text.size() - 2);
}

int TestClient::code(TestLoop::Duration limit) {
    const auto text = reply(limit);
    return text.empty() ? 0 : std::stoi(text.substr(0, 3));
}

bool TestClient::has_reply() {
    world_.loop.settle();
    parse();
    return !replies_.empty();
}

bool TestClient::is_ended() { return !has_reply() && control_.end() != DataPeer::End::open; }

bool TestClient::log_in() {
    return code() == 220 && ask("USER anna") == 331 && ask("PASS secret") == 230;
}

bool TestClient::begin_tls() {
    if (!tls_client) tls_client = make_tls_client();
    control_.begin_tls([this](std::unique_ptr<net::Stream> plain) {
        return tls_client->wrap_control(std::move(plain), tickets, false);
    });
    (void)world_.loop.run_until(
        [&] { return tls() != nullptr || control_.end() != DataPeer::End::open; });
    return tls() != nullptr;
}

bool TestClient::protect_data() {
    wraps_data = ask("PBSZ 0") == 200 && ask("PROT P") == 200;
    return wraps_data;
}

bool TestClient::log_in_with_tls() {
    return code() == 220 && secure() && protect_data() && ask("USER anna") == 331 &&
           ask("PASS secret") == 230;
}

int TestClient::leave_tls() {
    control_.expect_plain();
    const auto answered = ask("CCC");
    (void)world_.loop.run_until([&] { return tls() == nullptr; }, std::chrono::seconds(30));
    return answered;
}

DataPeer::Wrap TestClient::data_tls() {
    return [this](std::unique_ptr<net::Stream> plain) {
        return tls_client->wrap_data(std::move(plain), tickets, false);
    };
}

std::uint16_t TestClient::passive_port(std::string_view verb) {
    const auto told = ftp::parse_passive_reply(say(verb) + "\r\n");
    return told ? told->port : std::uint16_t{0};
}

std::unique_ptr<DataPeer> TestClient::connect_to(std::uint16_t port) {
    return connect_to({world_.address().ip, port});
}

std::unique_ptr<DataPeer> TestClient::connect_to(const base::Address& address) {
    auto stream = world_.network.connect({from_.ip, next_port_++}, address);
    if (!stream) return nullptr;
    auto peer = std::make_unique<DataPeer>(world_.loop);
    if (wraps_data) peer->begin_tls(data_tls());
    peer->take(std::move(stream));
    return peer;
}

std::unique_ptr<DataPeer> TestClient::open_data(std::string_view verb) {
    if (verb == "EPSV" || verb == "PASV") {
        const auto port = passive_port(verb);
        return port == 0 ? nullptr : connect_to(port);
    }
    const base::Address own{from_.ip, next_port_++};
    auto peer = std::make_unique<DataPeer>(world_.loop);
    if (wraps_data) peer->begin_tls(data_tls());
    world_.network.listen(own, [listening = peer.get()](std::unique_ptr<net::Stream> stream) {
        listening->take(std::move(stream));
    });
    peer->at_end = [&network = world_.network, own] { network.close(own); };
    const bool accepted =
        ask(verb == "PORT" ? ftp::format_port(own) : ftp::format_eprt(own)) == 200;
    return accepted ? std::move(peer) : nullptr;
}

}  // namespace ballast::support
