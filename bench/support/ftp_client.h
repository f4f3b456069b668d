// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/connection.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ballast::bench {

/// The address of a server, or of what is in front of it, and how a client speaks there.
struct Door {
    std::uint16_t port = 0;
    /// Null: without TLS.
    SSL_CTX* tls = nullptr;
    /// For control and data.
    Host host{};
};

/// A session. Throws at any reply except the expected one.
class FtpClient {
public:
    /// Connects and reads the greeting.
    explicit FtpClient(const Door& door);

    /// Under TLS, if the door says so.
    void log_in();
    /// Data connections use TLS from now on, if the session does.
    void protect_data();
    void no_operation() { command("NOOP", 200); }
    /// Only files in binary can go on with another server.
    void send_binary() { command("TYPE I", 200); }
    void wait_at_most(std::chrono::seconds time) const { control_.socket().wait_at_most(time); }
    /// Where the next file goes. RETR or STOR may follow much later.
    [[nodiscard]] Connection open_data();
    /// Whether data connections offer to resume this session, and throw if they do not resume it.
    void resume(bool is_wanted) { resumes_ = is_wanted; }
    /// Exactly `bytes` must come before the end.
    void retrieve(std::string_view name, std::size_t bytes, Connection data);
    void store(std::string_view name, std::size_t bytes, Connection data);
    /// And waits for the end of the connection.
    void quit();

    /// Sends a line. `hear` waits for its reply.
    void say(std::string_view line);
    void hear(int code, std::string_view after);

private:
    void command(std::string_view line, int code);
    void start_tls_if_protected(Connection& data);

    Door door_;
    Connection control_;
    Lines lines_{control_};
    std::string last_line_;
    bool protects_data_ = false;
    bool resumes_ = true;
};

}  // namespace ballast::bench
