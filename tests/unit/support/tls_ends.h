// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/tls_version.h"
#include "loop/job.h"
#include "net/tls_client.h"
#include "net/tls_server.h"
#include "support/certificates.h"
#include "support/memory_stream.h"
#include "support/test_loop.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace ballast::support {

/// An authority and a server certificate for most TLS tests, made once.
struct TestPki {
    TemporaryDirectory directory;
    Authority authority{directory, "Test CA"};
    Identity server = authority.issue(
        "server.pem", {.common_name = "Test server", .names = "DNS:ftp.example.com"});
};
[[nodiscard]] const TestPki& test_pki();

/// A server that shows the certificate of `test_pki`; throws if it cannot be made.
[[nodiscard]] std::shared_ptr<net::TlsServer> make_tls_server(
    const net::TlsServer::Settings& settings = {}, std::shared_ptr<net::TicketKeys> keys = {});
/// A client that trusts `test_pki` and asks for ftp.example.com.
[[nodiscard]] net::TlsClient::Settings tls_client_settings();
[[nodiscard]] std::shared_ptr<net::TlsClient> make_tls_client(
    const net::TlsClient::Settings& settings = tls_client_settings());

/// A handshake that runs beside the test. The stream must outlive it.
class Handshake {
public:
    Handshake(loop::Loop& loop, net::TlsStream& stream,
              std::chrono::seconds limit = std::chrono::seconds(10));

    [[nodiscard]] bool is_done() const { return result_.has_value(); }
    [[nodiscard]] bool is_good() const { return result_ && result_->has_value(); }
    /// Empty if it succeeded or has not ended.
    [[nodiscard]] std::string problem() const;

private:
    [[nodiscard]] loop::Task<> run(net::TlsStream& stream, loop::Deadline deadline);

    loop::Signal signal_;
    std::optional<base::Result<>> result_;
    loop::Job job_;
};

/// Both ends of a connection in memory, under TLS.
struct TlsEnds {
    std::unique_ptr<net::TlsStream> client;
    std::unique_ptr<net::TlsStream> server;
    std::string client_problem;  ///< of the handshake; empty: none
    std::string server_problem;
    int tickets_received = 0;  ///< NewSessionTicket messages that the client has seen
};

/// One FTP session as TLS sees it: a control connection and its data connections, client and
/// server on one loop. Declare it before the connections that it opens.
class TlsSessionEnds {
public:
    /// Changes the client's end before the handshake.
    using Tune = std::function<void(ssl_st*)>;

    TlsSessionEnds(TestLoop& loop, std::shared_ptr<const net::TlsServer> the_server,
                   std::shared_ptr<const net::TlsClient> the_client)
        : server(std::move(the_server)), client(std::move(the_client)), loop_(loop) {}

    /// The handshake of the control connection; true if both ends succeed.
    [[nodiscard]] bool begin(const Tune& tune = {});
    [[nodiscard]] std::unique_ptr<TlsEnds> open_data(const Tune& tune = {});
    /// Like the answer to PASV: a fresh ticket, and a reply that carries it.
    void send_ticket();

    std::shared_ptr<const net::TlsServer> server;
    std::shared_ptr<const net::TlsClient> client;
    net::TlsBond bond;
    net::TlsTickets tickets;
    std::unique_ptr<TlsEnds> control;

private:
    [[nodiscard]] MemoryStream::Pair connect();
    void handshake(TlsEnds& ends, const Tune& tune);
    /// The server sends it and the client reads it, with a ticket that goes with it.
    void reply(std::string_view text);

    TestLoop& loop_;
};

}  // namespace ballast::support
