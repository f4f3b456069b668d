// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "session/data_handshake.h"

#include <expected>
#include <memory>
#include <optional>
#include <string>

namespace ballast::session {

/// The backend's end of one transfer's data: the data connection, open or expected, and its TLS.
/// The destructor resets a connection that is still open, so that it never looks like a proper end.
class BackendEnd {
public:
    /// What has happened to the connection since the last look.
    enum class News : std::uint8_t {
        nothing,
        arrived,     ///< an active backend has connected
        secured,     ///< the TLS handshake is done
        tls_failed,  ///< see `problem`
    };

    BackendEnd(backend::Leg& leg, loop::Signal& signal, bool client_is_protected)
        : leg_(leg), signal_(signal), is_protected_(leg.shall_protect_data(client_is_protected)) {}
    ~BackendEnd() { reset(); }
    BackendEnd(const BackendEnd&) = delete;
    BackendEnd& operator=(const BackendEnd&) = delete;

    /// Whether its data are under TLS.
    [[nodiscard]] bool is_protected() const { return is_protected_; }
    /// Sends PROT as the settings require. Empty if the backend agreed.
    [[nodiscard]] loop::Task<std::optional<backend::DataRefusal>> protect() {
        return leg_.protect_data(is_protected_);
    }
    /// Opens the connection, or a port of ours for it. Empty if that worked.
    [[nodiscard]] loop::Task<std::optional<backend::DataRefusal>> open();
    /// The same, if the command for it was sent together with the transfer's.
    [[nodiscard]] loop::Task<std::optional<backend::DataRefusal>> open_foreseen();
    /// The same, if the backend has already named this port.
    [[nodiscard]] loop::Task<std::optional<backend::DataRefusal>> open_at(base::Address port);

    /// An active backend has not connected yet.
    [[nodiscard]] bool is_expected() const { return lease_ != nullptr; }
    /// The connection is open and no TLS handshake is running on it.
    [[nodiscard]] bool is_open() const { return stream_ != nullptr; }
    [[nodiscard]] net::Stream& stream() { return *stream_; }
    /// Starts the TLS handshake. Most servers start theirs only after their 1xx.
    void secure();
    [[nodiscard]] News look();
    [[nodiscard]] const std::string& problem() const { return problem_; }

    /// Whether the backend would notice a reset: it has sent data, or is not waiting for us. Reads
    /// and drops a byte of its data.
    [[nodiscard]] bool has_taken_notice();
    /// Ends our direction properly. TLS may have to wait for room: after `would_block` call again
    /// when the signal is raised, or after a while if the relay watches the connection
    /// (`may_watch` is false).
    [[nodiscard]] net::Io::State finish(bool may_watch);
    /// The backend has ended its direction: ends ours and closes the connection.
    void end();
    /// Closes a connection that has ended properly.
    void close();
    void reset();
    /// Returns an unused connection to the leg.
    void give_back();

private:
    using Opened = std::expected<backend::DataConnection, backend::DataRefusal>;
    [[nodiscard]] std::optional<backend::DataRefusal> take(Opened opened);

    backend::Leg& leg_;
    loop::Signal& signal_;
    const bool is_protected_;
    bool is_secured_ = false;
    std::string problem_;
    std::unique_ptr<net::Stream> stream_;  // empty while its TLS begins
    std::unique_ptr<net::Lease> lease_;    // until an active backend has connected
    DataHandshake handshake_;
};

}  // namespace ballast::session
