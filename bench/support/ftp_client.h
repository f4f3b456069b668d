// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ballast::bench {

/// A session with a server, or with what stands in front of it. Throws at any reply but the one
/// that is expected.
class FtpClient {
public:
    /// Connects and reads the greeting.
    explicit FtpClient(std::uint16_t port);

    void log_in();
    void no_operation() { command("NOOP", 200); }
    /// Where the next file comes from. RETR may follow much later.
    [[nodiscard]] Socket open_data();
    /// Exactly `bytes` must come before the end.
    void retrieve(std::string_view name, std::size_t bytes, const Socket& data);
    /// And waits for the end of the connection.
    void quit();

private:
    void command(std::string_view line, int code);
    void expect(int code, std::string_view after);
    std::string_view next_line();

    Socket control_;
    std::string held_;
    std::size_t consumed_ = 0;
    std::string_view last_line_;
};

/// How many bytes come before the end. They are not looked at: the kernel drops them uncopied.
[[nodiscard]] std::size_t count_to_end(const Socket& socket);

}  // namespace ballast::bench
