// SPDX-License-Identifier: Apache-2.0
#include "support/ftp_server.h"

#include "support/trouble.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <fmt/format.h>
#include <functional>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace ballast::bench {

namespace {

constexpr std::size_t block_bytes = 16 << 20;
constexpr std::size_t send_bytes = 1 << 20;

/// Sixteen MiB, sent over and over.
class Block {
public:
    explicit Block(Origin origin)
        : origin_(origin),
          memory_(block_bytes),
          file_(check(::memfd_create("block", MFD_CLOEXEC), "memfd_create")) {
        for (std::size_t i = 0; i < memory_.size(); ++i) memory_[i] = static_cast<char>(i * 7);
        for (std::size_t written = 0; written < block_bytes;)
            written += static_cast<std::size_t>(check(
                ::write(file_.get(), memory_.data() + written, block_bytes - written), "write"));
    }

    void send(const Socket& sink, std::size_t bytes) const {
        std::size_t place = 0;
        while (bytes > 0) {
            const std::size_t wanted = std::min(bytes, block_bytes - place);
            const std::size_t sent = send_some(sink, place, wanted);
            bytes -= sent;
            place = (place + sent) % block_bytes;
        }
    }

private:
    [[nodiscard]] std::size_t send_some(const Socket& sink, std::size_t place,
                                        std::size_t bytes) const {
        auto offset = static_cast<off_t>(place);
        const auto sent = origin_ == Origin::file
                              ? ::sendfile(sink.get(), file_.get(), &offset, bytes)
                              : ::send(sink.get(), memory_.data() + place,
                                       std::min(bytes, send_bytes), MSG_NOSIGNAL);
        return static_cast<std::size_t>(check(sent, "send"));
    }

    Origin origin_;
    std::vector<char> memory_;
    Socket file_;
};

/// "/512M" is 512 MiB.
std::optional<std::size_t> size_named(std::string_view path) {
    if (path.starts_with('/')) path.remove_prefix(1);
    std::size_t size = 0;
    const auto* const end = path.data() + path.size();
    const auto [rest, error] = std::from_chars(path.data(), end, size);
    if (error != std::errc()) return std::nullopt;
    const std::string_view unit(rest, end);
    if (unit.empty()) return size;
    if (unit == "K") return size << 10;
    if (unit == "M") return size << 20;
    if (unit == "G") return size << 30;
    return std::nullopt;
}

/// The lines of a connection.
class Lines {
public:
    explicit Lines(const Socket& socket) : socket_(socket) {}

    /// Empty at the end of the connection.
    std::optional<std::string> next() {
        for (;;) {
            if (const auto end = held_.find('\n'); end != std::string::npos) {
                std::string line = held_.substr(0, end);
                held_.erase(0, end + 1);
                if (line.ends_with('\r')) line.pop_back();
                return line;
            }
            std::array<char, 1024> buffer;  // NOLINT: filled by recv
            const auto got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (got <= 0) return std::nullopt;
            held_.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }

private:
    const Socket& socket_;
    std::string held_;
};

/// One thread's place for data connections, kept open from session to session: making a listening
/// socket for each transfer would cost as much as the transfer of a small file.
class DataPort {
public:
    std::uint16_t announce() {
        // A connection that nobody used would be taken for the next one.
        if (std::exchange(is_announced_, true)) listener_ = Socket::listening();
        return listener_.port();
    }
    [[nodiscard]] bool is_announced() const { return is_announced_; }
    Socket take() {
        is_announced_ = false;
        pollfd event{.fd = listener_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&event, 1, 10'000) != 1) throw std::runtime_error("no data connection came");
        return listener_.accepted();
    }

private:
    Socket listener_ = Socket::listening();
    bool is_announced_ = false;
};

class Dialog {
public:
    Dialog(const Socket& control, const Block& block, DataPort& port)
        : control_(control), block_(block), port_(port) {}

    void run() {
        control_.send_all("220 Ready.\r\n");
        Lines lines(control_);
        while (auto line = lines.next()) {
            const auto space = std::min(line->find(' '), line->size());
            const std::string verb = line->substr(0, space);
            answer(verb, std::string_view(*line).substr(std::min(space + 1, line->size())));
            if (verb == "QUIT") return;
        }
    }

private:
    void answer(std::string_view verb, std::string_view argument) {
        if (verb == "EPSV") {
            reply(fmt::format("229 Entering Extended Passive Mode (|||{}|)", port_.announce()));
        } else if (verb == "PASV") {
            const std::uint16_t port = port_.announce();
            reply(
                fmt::format("227 Entering Passive Mode (127,0,0,1,{},{})", port / 256, port % 256));
        } else if (verb == "RETR") {
            transfer(size_named(argument));
        } else if (verb == "LIST" || verb == "NLST") {
            transfer(0);
        } else {
            reply(answer_without_data(verb));
        }
    }

    static std::string_view answer_without_data(std::string_view verb) {
        static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> answers{{
            {"NOOP", "200 OK."},
            {"USER", "331 Password."},
            {"PASS", "230 Logged in."},
            {"QUIT", "221 Bye."},
            {"TYPE", "200 OK."},
            {"MODE", "200 OK."},
            {"STRU", "200 OK."},
            {"SYST", "215 UNIX Type: L8"},
            {"FEAT", "211-Features:\r\n EPSV\r\n PASV\r\n211 End."},
            {"CWD", "250 OK."},
            {"PWD", "257 \"/\""},
        }};
        for (const auto& [known, text] : answers)
            if (known == verb) return text;
        return "502 Not here.";
    }

    void transfer(std::optional<std::size_t> size) {
        if (!size) return reply("550 The name of a file is its size: /4K, /512M.");
        if (!port_.is_announced()) return reply("425 EPSV or PASV first.");
        reply("150 Here it comes.");
        block_.send(port_.take(), *size);
        reply("226 Done.");
    }

    void reply(std::string_view text) { control_.send_all(std::string(text) + "\r\n"); }

    const Socket& control_;
    const Block& block_;
    DataPort& port_;
};

/// Threads that accept and serve, one more of them than there are connections. None ever ends, so
/// that a benchmark of short sessions does not measure how threads are made.
class Crew {
public:
    Crew(const Socket& listener, std::function<void(const Socket&, DataPort&)> serve)
        : listener_(listener), serve_(std::move(serve)) {
        hire();
    }

private:
    void hire() {
        ++idle_;
        std::thread([this] { work(); }).detach();
    }
    void work() {
        DataPort port;
        for (;;) {
            const Socket socket = listener_.accepted();
            if (--idle_ == 0) hire();
            try {
                serve_(socket, port);
            } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
                // The peer went away, or sees our connection end and complains itself.
            }
            ++idle_;
        }
    }

    const Socket& listener_;
    std::function<void(const Socket&, DataPort&)> serve_;
    std::atomic<int> idle_ = 0;
};

}  // namespace

void serve_ftp(const Socket& control, const Socket& source, Origin origin) {
    const Block block(origin);
    const Crew dialogs(
        control, [&](const Socket& socket, DataPort& port) { Dialog(socket, block, port).run(); });
    const Crew sources(source, [&](const Socket& socket, DataPort&) {
        const auto line = Lines(socket).next();
        if (const auto size = size_named(line.value_or(""))) block.send(socket, *size);
    });
    for (;;) ::pause();
}

}  // namespace ballast::bench
