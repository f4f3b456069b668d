// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/client_hello.h"
#include "session/context.h"
#include "session/placement.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

/// A session whose TLS ends at the backend, from the client's AUTH or first byte on. Its
/// ClientHello is read to choose a backend. After that its control and data connections are carried
/// without being read.
class Passthrough : private WaitingClient, private Introduction {
public:
    /// `auth` is the client's line. Empty: implicit TLS. `host` is the argument of HOST. The
    /// context outlives it.
    Passthrough(Context& context, std::string auth, std::string host)
        : context_(context),
          placement_(context, *this, *this),
          auth_(std::move(auth)),
          host_said_(std::move(host)) {}

    /// Runs to the session's end. AUTH has been answered.
    [[nodiscard]] loop::Task<> run();

private:
    [[nodiscard]] loop::Task<std::optional<net::ClientHello>> hear_hello();
    [[nodiscard]] loop::Task<bool> route_by(const net::ClientHello& hello);
    [[nodiscard]] loop::Task<> tell_unplaced(Unplaced why);
    [[nodiscard]] loop::Task<> carry();
    [[nodiscard]] loop::Task<> send_alert(net::Alert alert, std::string_view reason);

    // The client, while it waits for a backend
    [[nodiscard]] bool hear() override;
    [[nodiscard]] bool wants_to_quit() const override { return false; }
    void watch() override;
    [[nodiscard]] loop::Deadline deadline() const override { return context_.login_deadline; }
    /// Connects, and sends the first bytes. The client already has the returned reply.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> introduce(Assignment& assignment) override;

    Context& context_;
    Placement placement_;
    const std::string auth_;
    const std::string host_said_;
    std::string host_;
    std::unique_ptr<net::Stream> backend_;
};

}  // namespace ballast::session
