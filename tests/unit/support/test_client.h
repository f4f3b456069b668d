// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/reply.h"
#include "net/tls_client.h"
#include "support/data_peer.h"
#include "support/world.h"

#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::support {

/// An FTP client that a test drives line by line. While it waits, the world and its clock run.
class TestClient {
public:
    explicit TestClient(World& world, std::string_view from = "198.51.100.7:50000");
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    void send(std::string_view line) { send_bytes(std::string(line) + "\r\n"); }
    void send_bytes(std::string_view bytes);
    [[nodiscard]] std::size_t unsent() const { return control_.unsent(); }
    /// Everything received so far, without letting the world run.
    [[nodiscard]] const std::string& heard() const { return control_.received(); }
    /// The next reply without its last CRLF, waited for at most this long; empty if none came.
    /// `says` compares only the code.
    [[nodiscard]] std::string reply(TestLoop::Duration limit = std::chrono::hours(1));
    [[nodiscard]] int code(TestLoop::Duration limit = std::chrono::hours(1));
    [[nodiscard]] std::string say(std::string_view line) {
        send(line);
        return reply();
    }
    [[nodiscard]] int ask(std::string_view line) {
        send(line);
        return code();
    }
    /// A reply that has already arrived.
    [[nodiscard]] bool has_reply();
    /// Whether the balancer has ended the connection and every reply was read.
    [[nodiscard]] bool is_ended();
    /// 220, USER, PASS, 230. False if a reply was different.
    [[nodiscard]] bool log_in();

    /// AUTH, and the handshake. False if one of them fails.
    [[nodiscard]] bool secure(std::string_view auth = "AUTH TLS") {
        return ask(auth) == 234 && begin_tls();
    }
    /// The handshake alone.
    [[nodiscard]] bool begin_tls();
    /// PBSZ and PROT P: data connections use TLS from now on.
    [[nodiscard]] bool protect_data();
    /// 220, AUTH TLS, PBSZ, PROT P, USER, PASS.
    [[nodiscard]] bool log_in_with_tls();
    /// Null in plain text.
    [[nodiscard]] net::TlsStream* tls() const { return control_.tls(); }
    /// CCC, and plain text.
    [[nodiscard]] int leave_tls();
    /// The TLS client for data connections.
    [[nodiscard]] DataPeer::Wrap data_tls();
    /// Whether data connections begin TLS at once, without waiting for a command.
    bool wraps_data = false;
    /// The authority to trust and the name to ask for; set before the handshake. Null:
    /// `test_pki`'s.
    std::shared_ptr<const net::TlsClient> tls_client;
    net::TlsTickets tickets;

    /// Sends EPSV, PASV, EPRT or PORT, and opens (or awaits) the data connection.
    [[nodiscard]] std::unique_ptr<DataPeer> open_data(std::string_view verb);
    /// The same without connecting: the port that EPSV or PASV named, 0 if it was refused.
    [[nodiscard]] std::uint16_t passive_port(std::string_view verb);
    [[nodiscard]] std::unique_ptr<DataPeer> connect_to(std::uint16_t port);
    /// The same past the balancer.
    [[nodiscard]] std::unique_ptr<DataPeer> connect_to(const base::Address& address);

    void stop_reading() { control_.stop_reading(); }
    void resume_reading() { control_.resume_reading(); }
    /// Ends its own direction only; goes away like a killed process; breaks the connection.
    void half_close() { control_.finish(); }
    void vanish() { control_.vanish(); }
    void reset() { control_.reset(); }

private:
    void parse();

    World& world_;
    base::Address from_;
    DataPeer control_;
    ftp::ReplyParser parser_{8192, 64 << 20};
    std::size_t parsed_ = 0;
    std::deque<ftp::Reply> replies_;
    std::uint16_t next_port_ = 50'001;
};

}  // namespace ballast::support
