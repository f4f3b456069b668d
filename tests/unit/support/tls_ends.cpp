// SPDX-License-Identifier: Apache-2.0
#include "support/tls_ends.h"

#include <array>
#include <openssl/ssl.h>
#include <stdexcept>

namespace ballast::support {

namespace {

template <typename T>
T must(base::Result<T> result) {
    if (!result) throw std::runtime_error(base::to_string(result.error()));
    return std::move(*result);
}

void count_tickets(int writing, int /*version*/, int type, const void* bytes, std::size_t size,
                   SSL* /*ssl*/, void* counter) {
    const bool is_ticket = writing == 0 && type == SSL3_RT_HANDSHAKE && size > 0 &&
                           *static_cast<const char*>(bytes) == SSL3_MT_NEWSESSION_TICKET;
    if (is_ticket) ++*static_cast<int*>(counter);
}

}  // namespace

const TestPki& test_pki() {
    static const TestPki pki{};
    return pki;
}

std::shared_ptr<net::TlsServer> make_tls_server(const net::TlsServer::Settings& settings,
                                                std::shared_ptr<net::TicketKeys> keys) {
    static const auto certificates = [] {
        const net::Certificates::Files files{test_pki().server.file, {}, {}};
        auto loaded = net::Certificates::load({&files, 1});
        if (!loaded) throw std::runtime_error(loaded.error().what);
        return *loaded;
    }();
    if (!keys) keys = std::make_shared<net::TicketKeys>(std::chrono::hours(12));
    auto named = settings;
    if (named.name.empty()) named.name = "ftp";
    return must(net::TlsServer::create(named, certificates, std::move(keys)));
}

net::TlsClient::Settings tls_client_settings() {
    net::TlsClient::Settings settings;
    settings.ca = test_pki().authority.file();
    settings.server_name = "ftp.example.com";
    return settings;
}

std::shared_ptr<net::TlsClient> make_tls_client(const net::TlsClient::Settings& settings) {
    return must(net::TlsClient::create(settings));
}

Handshake::Handshake(loop::Loop& loop, net::TlsStream& stream, std::chrono::seconds limit)
    : signal_(loop), job_(loop::Job::start(run(stream, loop.after(limit)))) {}

loop::Task<> Handshake::run(net::TlsStream& stream, loop::Deadline deadline) {
    const net::Attached attached(stream, signal_);
    result_ = co_await stream.handshake(signal_, base::Fault::client, deadline);
}

std::string Handshake::problem() const {
    if (!result_) return "not done";
    return *result_ ? std::string() : base::to_string(result_->error());
}

MemoryStream::Pair TlsSessionEnds::connect() {
    return MemoryStream::connect(loop_, base::Address::parse("198.51.100.7:50000").value(),
                                 base::Address::parse("192.0.2.1:21").value());
}

void TlsSessionEnds::handshake(TlsEnds& ends, const Tune& tune) {
    SSL_set_msg_callback(ends.client->ssl(), count_tickets);
    SSL_set_msg_callback_arg(ends.client->ssl(), &ends.tickets_received);
    if (tune) tune(ends.client->ssl());
    {
        const Handshake server_side(loop_, *ends.server);
        const Handshake client_side(loop_, *ends.client);
        loop_.settle();
        ends.server_problem = server_side.problem();
        ends.client_problem = client_side.problem();
    }
    // The client finds tickets, and a TLS 1.3 server's refusal, only when it reads.
    std::array<char, 64> nothing{};
    if (ends.client_problem.empty()) (void)ends.client->read(nothing);
}

bool TlsSessionEnds::begin(const Tune& tune) {
    auto [ours, theirs] = connect();
    control = std::make_unique<TlsEnds>();
    control->client = client->wrap_control(std::move(ours), tickets, false);
    control->server = server->wrap_control(std::move(theirs), bond);
    handshake(*control, tune);
    const bool is_good = control->client_problem.empty() && control->server_problem.empty();
    if (!is_good) return false;
    server->remember(*control->server, bond);
    // The first ticket goes with the first reply.
    reply("331 Password.\r\n");
    return true;
}

std::unique_ptr<TlsEnds> TlsSessionEnds::open_data(const Tune& tune) {
    auto [ours, theirs] = connect();
    auto data = std::make_unique<TlsEnds>();
    data->client = client->wrap_data(std::move(ours), tickets, false);
    data->server = server->wrap_data(std::move(theirs), bond);
    handshake(*data, tune);
    return data;
}

void TlsSessionEnds::send_ticket() {
    server->refresh_ticket(*control->server);
    reply("227 Passive.\r\n");
}

void TlsSessionEnds::reply(std::string_view text) {
    (void)control->server->write(text);
    std::array<char, 256> heard{};
    (void)control->client->read(heard);
}

}  // namespace ballast::support
