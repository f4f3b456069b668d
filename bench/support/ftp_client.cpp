// SPDX-License-Identifier: Apache-2.0
#include "support/ftp_client.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <stdexcept>
#include <vector>

namespace ballast::bench {

namespace {

/// Sent repeatedly.
const std::vector<char>& block() {
    static const std::vector<char> bytes = [] {
        std::vector<char> made(1 << 20);
        for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<char>(i * 7);
        return made;
    }();
    return bytes;
}

}  // namespace

FtpClient::FtpClient(const Door& door)
    : door_(door), control_(Socket::connected(door.port, door.host)) {
    hear(220, "the connection");
}

void FtpClient::log_in() {
    if (door_.tls != nullptr) {
        command("AUTH TLS", 234);
        control_.connect_tls(*door_.tls, Purpose::control);
    }
    command("USER bench", 331);
    command("PASS bench", 230);
}

void FtpClient::protect_data() {
    if (door_.tls == nullptr) return;
    command("PBSZ 0", 200);
    command("PROT P", 200);
    protects_data_ = true;
}

Connection FtpClient::open_data() {
    command("EPSV", 229);
    const auto bars = last_line_.find("|||");
    std::uint16_t port = 0;
    if (bars != std::string::npos)
        std::from_chars(last_line_.data() + bars + 3, last_line_.data() + last_line_.size(), port);
    return Connection(Socket::connected(port, door_.host));
}

void FtpClient::retrieve(std::string_view name, std::size_t bytes, Connection data) {
    const auto line = fmt::format("RETR {}", name);
    command(line, 150);
    start_tls_if_protected(data);
    if (const std::size_t got = data.count_to_end(); got != bytes)
        throw std::runtime_error(fmt::format("{}: {} bytes instead of {}", line, got, bytes));
    data.end();
    hear(226, line);
}

void FtpClient::store(std::string_view name, std::size_t bytes, Connection data) {
    const auto line = fmt::format("STOR {}", name);
    command(line, 150);
    start_tls_if_protected(data);
    const std::string_view all(block().data(), block().size());
    for (std::size_t rest = bytes; rest > 0;) {
        const auto part = all.substr(0, rest);
        data.send_all(part);
        rest -= part.size();
    }
    data.end_and_wait();
    hear(226, line);
    if (last_line_ != fmt::format("226 Got {} bytes.", bytes))
        throw std::runtime_error(fmt::format("{}: {} sent, but \"{}\"", line, bytes, last_line_));
}

void FtpClient::quit() {
    command("QUIT", 221);
    if (control_.count_to_end() != 0) throw std::runtime_error("something follows the 221");
}

void FtpClient::start_tls_if_protected(Connection& data) {
    if (!protects_data_) return;
    const TlsSession offered = resumes_ ? control_.session() : nullptr;
    data.connect_tls(*door_.tls, Purpose::data, offered.get());
    // A figure that mixes both kinds of handshake would be worthless.
    if (data.is_resumed() != resumes_)
        throw std::runtime_error(resumes_ ? "the session was not resumed"
                                          : "a session was resumed that nobody offered");
}

void FtpClient::command(std::string_view line, int code) {
    say(line);
    hear(code, line);
}

void FtpClient::say(std::string_view line) {
    std::string bytes(line);
    control_.send_all(bytes += "\r\n");
}

void FtpClient::hear(int code, std::string_view after) {
    const auto* line = lines_.next();
    if (line == nullptr) throw std::runtime_error("the control connection ended");
    last_line_ = *line;
    if (!last_line_.starts_with(fmt::format("{} ", code)))
        throw std::runtime_error(
            fmt::format("after {} came \"{}\" instead of {}", after, last_line_, code));
}

}  // namespace ballast::bench
