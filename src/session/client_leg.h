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
#include <string>
#include <string_view>
#include <vector>

namespace ballast::session {

/// An event on a client's control connection.
struct ClientEvent {
    enum class Kind : std::uint8_t {
        command,
        bad_line,  ///< see `problem`; the line was dropped, the connection goes on
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
    /// `interrupt` ends only waits for the client: writes that it does not read, and handshakes.
    ClientLeg(std::unique_ptr<net::Stream> stream, const config::Listener& settings,
              loop::Signal& signal, net::Interrupt interrupt = {});

    using Ask = net::ControlConnection::Ask;
    /// The next event that has arrived, without waiting. `ended` and `lost` are repeated at each
    /// call. If a client sends faster than it is read, the signal is raised and reading continues
    /// in the next turn.
    [[nodiscard]] std::optional<ClientEvent> poll(Ask ask = Ask::if_signalled);
    /// The next event that may be handled now. Deferred events come first.
    [[nodiscard]] std::optional<ClientEvent> next();
    /// Keeps an event until the transfer has ended.
    void defer(ClientEvent event);
    /// Whether there is room to defer more events.
    [[nodiscard]] bool may_poll() const { return deferred_bytes_ < settings_.pipelined_bytes_max; }
    /// Whether the client has ended its connection, even if some of its commands are unread.
    [[nodiscard]] bool has_left() const { return is_over_ || control_.stream().has_peer_left(); }
    /// How long the end may trail earlier bytes on its way. Zero: unknown.
    [[nodiscard]] std::chrono::microseconds round_trip() const {
        return control_.stream().round_trip();
    }
    [[nodiscard]] bool has_deferred() const { return !deferred_.empty(); }
    [[nodiscard]] bool has_deferred(std::string_view verb) const;
    /// The verb of the first deferred command; empty: there is none.
    [[nodiscard]] std::string_view first_deferred() const {
        return deferred_.empty() ? std::string_view() : deferred_.front().command.verb;
    }
    /// Takes the first deferred command with this verb. False: there is none.
    bool drop_deferred(std::string_view verb);
    /// Defers what has come. False: the client has left.
    [[nodiscard]] bool hear();
    /// Watches for what `hear` may still defer.
    void watch_to_hear() {
        if (may_poll()) watch();
    }
    void watch() {
        if (!is_over_) control_.watch();
    }

    /// Switches to TLS and drops what the client has already sent. After an error the connection is
    /// unusable. The server and the bond outlive this leg.
    [[nodiscard]] loop::Task<base::Result<>> begin_tls(const net::TlsServer& server,
                                                       net::TlsBond& bond, loop::Deadline deadline);
    /// Switches to plain text (CCC).
    [[nodiscard]] loop::Task<base::Result<>> end_tls(loop::Deadline deadline);
    /// Null in plain text.
    [[nodiscard]] net::TlsStream* tls() const { return tls_; }

    // For passthrough: bytes that are not parsed as commands

    /// Bytes that were received and not parsed.
    [[nodiscard]] std::string_view unread() const { return control_.received(); }
    /// Receives more of them, at most `bytes_max` in all.
    net::Io::State receive(std::size_t bytes_max) { return control_.receive(bytes_max); }
    void forget_unread() { control_.consume(control_.received().size()); }
    [[nodiscard]] net::Stream& stream() { return control_.stream(); }

    [[nodiscard]] loop::Task<base::Result<>> send(const ftp::Reply& reply);
    /// The replies sent from now on belong to the next command. `is_secret`: they may repeat a
    /// password, so no text is kept.
    void begin_command(bool is_secret);
    /// The code of the reply that ended the command; 0 if none did. During a transfer come the
    /// replies to STAT too, and behind it ABOR's.
    [[nodiscard]] std::uint16_t reply_code() const {
        return first_code_ != 0 ? first_code_ : last_code_;
    }
    /// The text of its last reply that was a refusal; empty: there was none.
    [[nodiscard]] const std::string& last_refusal() const { return last_refusal_; }
    /// The replies from now on are the last, and go out with the end.
    void cork() { control_.stream().cork(); }
    /// Half-closes and drops unread bytes, so that the last reply arrives.
    void finish();

    [[nodiscard]] const base::Address& local() const { return control_.local(); }
    [[nodiscard]] const base::Address& peer() const { return control_.peer(); }

private:
    const config::Listener& settings_;
    loop::Signal& signal_;
    const net::Interrupt interrupt_;
    net::ControlConnection control_;
    net::TlsStream* tls_ = nullptr;  // owned by `control_`
    ftp::CommandParser parser_;
    std::vector<ClientEvent> deferred_;
    std::size_t deferred_bytes_ = 0;
    std::optional<ClientEvent::Kind> is_over_;
    std::uint16_t first_code_ = 0;  // of a final reply that does not tell a status
    std::uint16_t last_code_ = 0;   // of a final reply
    bool is_secret_ = false;
    std::string last_refusal_;
};

}  // namespace ballast::session
