// SPDX-License-Identifier: Apache-2.0
#include "support/ftp_client.h"

#include "support/trouble.h"

#include <array>
#include <charconv>
#include <fmt/format.h>
#include <stdexcept>
#include <sys/socket.h>
#include <vector>

namespace ballast::bench {

FtpClient::FtpClient(std::uint16_t port) : control_(Socket::connected(port)) {
    expect(220, "the connection");
}

void FtpClient::log_in() {
    command("USER bench", 331);
    command("PASS bench", 230);
}

Socket FtpClient::open_data() {
    command("EPSV", 229);
    const auto bars = last_line_.find("|||");
    std::uint16_t port = 0;
    if (bars != std::string_view::npos)
        std::from_chars(last_line_.data() + bars + 3, last_line_.data() + last_line_.size(), port);
    return Socket::connected(port);
}

void FtpClient::retrieve(std::string_view name, std::size_t bytes, const Socket& data) {
    const auto line = fmt::format("RETR {}", name);
    command(line, 150);
    if (const std::size_t got = count_to_end(data); got != bytes)
        throw std::runtime_error(fmt::format("{}: {} bytes instead of {}", line, got, bytes));
    expect(226, line);
}

void FtpClient::quit() {
    command("QUIT", 221);
    if (count_to_end(control_) != 0) throw std::runtime_error("something follows the 221");
}

void FtpClient::command(std::string_view line, int code) {
    std::string bytes(line);
    control_.send_all(bytes += "\r\n");
    expect(code, line);
}

void FtpClient::expect(int code, std::string_view after) {
    const auto wanted = fmt::format("{} ", code);
    const std::string_view line = next_line();
    if (!line.starts_with(wanted))
        throw std::runtime_error(
            fmt::format("after {} came \"{}\" instead of {}", after, line, code));
}

std::string_view FtpClient::next_line() {
    held_.erase(0, consumed_);
    std::size_t end = 0;
    while ((end = held_.find("\r\n")) == std::string::npos) {
        std::array<char, 1024> buffer;  // NOLINT: filled by recv
        const auto got = check(::recv(control_.get(), buffer.data(), buffer.size(), 0), "recv");
        if (got == 0) throw std::runtime_error("the control connection ended");
        held_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    consumed_ = end + 2;
    last_line_ = std::string_view(held_).substr(0, end);
    return last_line_;
}

std::size_t count_to_end(const Socket& socket) {
    // With MSG_TRUNC the kernel counts and drops: a client that costs next to nothing.
    static std::vector<char> untouched(1 << 20);
    std::size_t bytes = 0;
    while (const auto got =
               check(::recv(socket.get(), untouched.data(), untouched.size(), MSG_TRUNC), "recv"))
        bytes += static_cast<std::size_t>(got);
    return bytes;
}

}  // namespace ballast::bench
