// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "ftp/command.h"
#include "ftp/reply.h"
#include "net/control_connection.h"
#include "net/tls_server.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace ballast::session {

/// What a client's control connection has brought.
struct ClientEvent {
    enum class Kind : std::uint8_t {
        command,
        bad_line,  ///< `problem`; the line is gone, the connection goes on
        ended,     ///< the client closed its direction; it may still read
        lost,      ///< the connection failed
    };
    Kind kind = Kind::command;
    ftp::Command command;
    ftp::CommandError problem = ftp::CommandError::not_a_command;
};

/// The control connection to a client: commands in, replies out. Waits on the session's signal.
class ClientLeg {
public:
    /// `interrupt` ends what waits for the client alone: replies that it does not read, and its
    /// handshakes.
    ClientLeg(std::unique_ptr<net::Stream> stream, const config::Listener& settings,
              loop::Signal& signal, net::Interrupt interrupt = {});

    using Ask = net::ControlConnection::Ask;
    /// What has come, without waiting. `ended` and `lost` are said again at each call. A client
    /// that sends faster than it is read is heard again in the next turn: then the signal is
    /// raised.
    [[nodiscard]] std::optional<ClientEvent> poll(Ask ask = Ask::if_signalled);
    /// What has come and may be acted on now: deferred events first.
    [[nodiscard]] std::optional<ClientEvent> next();
    /// Keeps an event that must wait for the transfer's end.
    void defer(ClientEvent event);
    /// Whether more may be taken in although it would have to be deferred.
    [[nodiscard]] bool may_poll() const { return deferred_bytes_ < settings_.pipelined_bytes_max; }
    [[nodiscard]] bool has_deferred_quit() const;
    /// Whether the client has ended its connection, also while commands of it are not read yet.
    [[nodiscard]] bool has_left() const { return is_over_ || control_.stream().has_peer_left(); }
    /// How long its end may be on its way after something that it sent before; zero: not known.
    [[nodiscard]] std::chrono::microseconds round_trip() const {
        return control_.stream().round_trip();
    }
    [[nodiscard]] bool has_deferred() const { return !deferred_.empty(); }
    void watch() {
        if (!is_over_) control_.watch();
    }

    /// TLS from here on; what the client has said already is thrown away. On an error the
    /// connection is of no more use. The server and the bond outlive this leg.
    [[nodiscard]] loop::Task<base::Result<>> begin_tls(const net::TlsServer& server,
                                                       net::TlsBond& bond, loop::Deadline deadline);
    /// Plain text from here on (CCC).
    [[nodiscard]] loop::Task<base::Result<>> end_tls(loop::Deadline deadline);
    /// Null in plain text.
    [[nodiscard]] net::TlsStream* tls() const { return tls_; }

    // For who reads something else than commands from here on

    /// What has come and was not taken for a command.
    [[nodiscard]] std::string_view unread() const { return control_.received(); }
    /// Takes in more of it, at most `bytes_max` in all.
    net::Io::State receive(std::size_t bytes_max) { return control_.receive(bytes_max); }
    void forget_unread() { control_.consume(control_.received().size()); }
    [[nodiscard]] net::Stream& stream() { return control_.stream(); }

    [[nodiscard]] loop::Task<base::Result<>> send(const ftp::Reply& reply);
    /// Half-closes and drops what is unread, so that the last reply arrives.
    void finish();

    [[nodiscard]] const base::Address& local() const { return control_.local(); }
    [[nodiscard]] const base::Address& peer() const { return control_.peer(); }

private:
    const config::Listener& settings_;
    loop::Signal& signal_;
    const net::Interrupt interrupt_;
    net::ControlConnection control_;
    net::TlsStream* tls_ = nullptr;  // what `control_` owns
    ftp::CommandParser parser_;
    std::vector<ClientEvent> deferred_;
    std::size_t deferred_bytes_ = 0;
    std::optional<ClientEvent::Kind> is_over_;
};

}  // namespace ballast::session
