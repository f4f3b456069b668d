// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "net/network.h"
#include "session/client_data.h"
#include "session/client_leg.h"

#include <memory>
#include <optional>
#include <string>

namespace ballast::session {

/// The client's end of one transfer's data: the data connection, open, expected or being dialled,
/// and its TLS. It can stay open and silent while there is nothing to move. The destructor resets a
/// connection that is still open, so that it never looks like a proper end.
class ClientEnd {
public:
    /// What has happened to the connection since the last look.
    enum class News : std::uint8_t {
        nothing,
        connected,
        unreachable,  ///< dialling it failed, see `problem`
        secured,      ///< the TLS handshake is done
        tls_failed,   ///< or does not meet the settings, see `problem`
    };

    /// `tls` is null if the data are in plain text.
    ClientEnd(net::Network& network, ClientLeg& client, ClientData& data,
              const config::Listener& settings, const ClientDataTls* tls, loop::Signal& signal)
        : network_(network),
          client_(client),
          data_(data),
          settings_(settings),
          tls_(tls),
          signal_(signal) {}
    ~ClientEnd();
    ClientEnd(const ClientEnd&) = delete;
    ClientEnd& operator=(const ClientEnd&) = delete;

    /// Keeps the port that was announced to the client. Returns the text of a refusal; empty: none.
    [[nodiscard]] std::string_view claim();
    /// The client named an address to be dialled at.
    [[nodiscard]] bool is_active() const { return data_.active.has_value(); }
    void dial(loop::Deadline deadline);
    [[nodiscard]] bool is_dialling() const { return dialling_.is_started(); }
    [[nodiscard]] loop::Task<> dialled();

    /// The connection is open. Its TLS may not be ready.
    [[nodiscard]] bool is_connected() const { return stream_ || data_.handshake.is_started(); }
    /// The same, but `look` may not have seen it yet.
    [[nodiscard]] bool has_arrived() const {
        return is_connected() || (data_.lease && data_.lease->has_arrived());
    }
    /// Bytes may move.
    [[nodiscard]] bool is_ready() const { return stream_ && (tls_ == nullptr || is_secured_); }
    [[nodiscard]] bool is_protected() const { return tls_ != nullptr; }
    [[nodiscard]] net::Stream& stream() { return *stream_; }
    /// Starts the TLS handshake unless it has started. From now on `look` reports its result.
    void secure();
    /// The handshake ended before the transfer command came.
    [[nodiscard]] bool was_secured_early() const {
        return tls_ != nullptr && data_.handshake.result().has_value();
    }
    [[nodiscard]] News look();
    [[nodiscard]] const std::string& problem() const { return problem_; }

    /// Ends the client's data properly. False if that failed. TLS may have to wait for room.
    [[nodiscard]] loop::Task<bool> finish();
    /// Closes a connection that has ended properly.
    void close() { stream_.reset(); }
    void reset();

private:
    [[nodiscard]] loop::Task<> run_dial(loop::Deadline deadline);
    [[nodiscard]] News look_at_handshake();
    /// What is wrong with the connection after its handshake; empty: nothing.
    [[nodiscard]] std::string tls_problem() const;

    net::Network& network_;
    ClientLeg& client_;
    ClientData& data_;
    const config::Listener& settings_;
    const ClientDataTls* tls_;
    loop::Signal& signal_;

    bool is_judged_ = false;  // the handshake: `look` reports its result
    bool is_secured_ = false;
    std::string problem_;
    std::unique_ptr<net::Stream> stream_;  // its TLS, if any, is done or has not begun
    std::optional<base::Result<std::unique_ptr<net::Stream>>> dialled_;
    loop::Job dialling_;
};

}  // namespace ballast::session
