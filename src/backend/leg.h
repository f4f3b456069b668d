// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/knowledge.h"
#include "config/config.h"
#include "ftp/reply.h"
#include "net/control_connection.h"
#include "net/network.h"

#include <expected>
#include <memory>
#include <optional>
#include <string>

namespace ballast::backend {

/// Why a data connection to the backend could not be had.
struct DataRefusal {
    std::optional<ftp::Reply> reply;  ///< the backend's own words, if it gave any
    base::Error error;
    bool control_is_lost = false;  ///< nothing more can be asked of this leg
};

/// One control connection to a backend, and the data connections that belong to it. Commands go out
/// one whole line per write, one at a time: some servers take whatever one read returns for one
/// command. Lives on one loop's thread; waits on the signal it was given, which others may raise
/// too.
class Leg {
public:
    /// Connects and reads the greeting. A greeting other than 220 is an error: 421 means that the
    /// next backend should be asked. Every failure is the backend's fault.
    [[nodiscard]] static loop::Task<base::Result<std::unique_ptr<Leg>>> connect(
        net::Network& network, base::Address address, const config::Pool& settings,
        std::shared_ptr<Known> known, loop::Signal& signal);

    Leg(net::Network& network, std::unique_ptr<net::Stream> stream, const config::Pool& settings,
        std::shared_ptr<Known> known, loop::Signal& signal);

    /// Sends one line (without CRLF).
    [[nodiscard]] loop::Task<base::Result<>> send(std::string line);
    /// The next reply, preliminary ones included.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> reply(loop::Deadline deadline);
    /// Sends one line and waits for its reply within the pool's reply time-out.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> command(std::string line);

    /// A reply that is already here, without waiting; an error if the connection is lost. For
    /// owners that wait for several things: look here, then `watch` and wait for the signal, no
    /// longer than until `settle_at`.
    [[nodiscard]] std::optional<base::Result<ftp::Reply>> poll_reply();
    void watch() { control_.watch(); }
    /// When an incomplete reply that looks complete is to be taken for complete.
    [[nodiscard]] loop::Deadline settle_at() const { return settle_at_; }

    /// Asks for a passive data connection (EPSV, or PASV where that is refused) and opens it, from
    /// the same source address as the control connection and to the address that it goes to: what a
    /// backend says of its own address is not trusted.
    [[nodiscard]] loop::Task<std::expected<std::unique_ptr<net::Stream>, DataRefusal>> open_data();

    [[nodiscard]] Known& known() { return *known_; }
    [[nodiscard]] const config::Pool& settings() const { return settings_; }
    [[nodiscard]] const base::Address& address() const { return control_.peer(); }

private:
    [[nodiscard]] loop::Task<std::expected<ftp::Reply, DataRefusal>> ask_passive();
    [[nodiscard]] std::optional<base::Result<ftp::Reply>> take(ftp::ReplyParser::Step step);
    [[nodiscard]] base::Error lost(std::error_code code, const char* doing) const;

    net::Network& network_;
    net::ControlConnection control_;
    const config::Pool& settings_;
    std::shared_ptr<Known> known_;
    loop::Signal& signal_;
    ftp::ReplyParser parser_;
    loop::Deadline settle_at_ = loop::never;
};

}  // namespace ballast::backend
