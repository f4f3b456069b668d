// SPDX-License-Identifier: Apache-2.0
#include "support/ftp_server.h"

#include "support/connection.h"
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

/// Sixteen MiB, sent repeatedly.
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

    void send(Connection& sink, std::size_t bytes) const {
        std::size_t place = 0;
        while (bytes > 0) {
            const std::size_t wanted = std::min(bytes, block_bytes - place);
            const std::size_t sent = sink.is_secure() ? send_secured(sink, place, wanted)
                                                      : send_some(sink.socket(), place, wanted);
            bytes -= sent;
            place = (place + sent) % block_bytes;
        }
    }

private:
    [[nodiscard]] std::size_t send_secured(Connection& sink, std::size_t place,
                                           std::size_t bytes) const {
        const std::size_t sent = std::min(bytes, send_bytes);
        sink.send_all({memory_.data() + place, sent});
        return sent;
    }
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

/// "/512M" is 512 MiB, and so is "/512M.1".
std::optional<std::size_t> size_named(std::string_view path) {
    if (path.starts_with('/')) path.remove_prefix(1);
    std::size_t size = 0;
    const auto* const end = path.data() + path.size();
    const auto [rest, error] = std::from_chars(path.data(), end, size);
    if (error != std::errc()) return std::nullopt;
    const std::string_view words(rest, end);
    const auto unit = words.substr(0, words.find('.'));
    if (unit.empty()) return size;
    if (unit == "K") return size << 10;
    if (unit == "M") return size << 20;
    if (unit == "G") return size << 30;
    return std::nullopt;
}

/// A session's listening socket for data connections, kept between transfers: a new one for each
/// would cost as much as the transfer of a small file.
class DataPort {
public:
    explicit DataPort(Host host) : host_(host) {}

    std::uint16_t announce() {
        // An unused connection would be mistaken for the next one.
        if (std::exchange(is_announced_, true) || listener_.get() < 0) listener_ = next_listener();
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
    [[nodiscard]] Socket next_listener() const {
        static std::atomic<unsigned> next = 0;
        for (;;) {
            constexpr unsigned count = data_ports_last - data_ports_first + 1;
            const unsigned port = data_ports_first + next++ % count;
            if (auto socket = Socket::listening_if_free(static_cast<std::uint16_t>(port), host_))
                return std::move(*socket);
        }
    }

    Host host_;
    Socket listener_;
    bool is_announced_ = false;
};

/// Shared by all sessions.
struct Service {
    Block block;
    TlsContext tls;
    Host host;
};

/// Whether data under TLS has to resume the session of its control connection.
enum class Reuse : bool { welcome, required };

class Dialog {
public:
    Dialog(Socket control, const Service& service, Reuse reuse)
        : control_(std::move(control)), service_(service), reuse_(reuse), port_(service.host) {}

    void run() {
        reply("220 Ready.");
        while (const auto* line = lines_.next()) {
            const auto space = std::min(line->find(' '), line->size());
            const std::string verb = line->substr(0, space);
            answer(verb, std::string_view(*line).substr(std::min(space + 1, line->size())));
            if (verb == "QUIT") return control_.end();
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
            send(size_named(argument));
        } else if (verb == "SIZE") {
            const auto size = size_named(argument);
            reply(size ? fmt::format("213 {}", *size) : "550 The name of a file is its size.");
        } else if (verb == "STOR") {
            receive();
        } else if (verb == "LIST" || verb == "NLST") {
            send(0);
        } else if (verb == "AUTH") {
            reply("234 Go on.");
            lines_.drop();
            control_.accept_tls(*service_.tls, Purpose::control);
        } else if (verb == "PROT") {
            protects_data_ = argument == "P";
            reply("200 OK.");
        } else {
            reply(answer_without_data(verb));
        }
    }

    static std::string_view answer_without_data(std::string_view verb) {
        static constexpr std::array<std::pair<std::string_view, std::string_view>, 13> answers{{
            {"NOOP", "200 OK."},
            {"USER", "331 Password."},
            {"PASS", "230 Logged in."},
            {"PBSZ", "200 PBSZ=0"},
            {"QUIT", "221 Bye."},
            {"TYPE", "200 OK."},
            {"MODE", "200 OK."},
            {"STRU", "200 OK."},
            {"SYST", "215 UNIX Type: L8"},
            {"FEAT", "211-Features:\r\n AUTH TLS\r\n EPSV\r\n PASV\r\n PBSZ\r\n PROT\r\n211 End."},
            {"CWD", "250 OK."},
            {"PWD", "257 \"/\""},
            {"MDTM", "213 20260101120000"},
        }};
        for (const auto& [known, text] : answers)
            if (known == verb) return text;
        return "502 Not here.";
    }

    void send(std::optional<std::size_t> size) {
        if (!size) return reply("550 The name of a file is its size: /4K, /512M.");
        // As vsftpd, ProFTPD and Pure-FTPd say it.
        auto data =
            opened(fmt::format("150 Opening BINARY mode data connection ({} bytes).", *size));
        if (!data) return;
        send(*data, *size);
        // Without TLS our end is the end of the file; the peer sends nothing more.
        if (data->is_secure()) data->end_and_wait();
        *data = Connection();
        reply("226 Done.");
    }

    void send(Connection& data, std::size_t size) {
        // Only downloads that others must not suffer from are that large.
        constexpr std::size_t endless_bytes = 64UL << 30;
        std::optional<Elsewhere> elsewhere;
        if (size >= endless_bytes) elsewhere.emplace();
        service_.block.send(data, size);
    }

    void receive() {
        auto data = opened("150 Go on.");
        if (!data) return;
        const std::size_t bytes = data->count_to_end();
        data->end();
        reply(fmt::format("226 Got {} bytes.", bytes));
    }

    std::optional<Connection> opened(std::string_view begin) {
        if (!port_.is_announced()) {
            reply("425 EPSV or PASV first.");
            return std::nullopt;
        }
        reply(begin);
        Connection data(port_.take());
        if (!protects_data_) return data;
        data.accept_tls(*service_.tls, Purpose::data);
        if (reuse_ == Reuse::required && !data.is_resumed()) {
            reply("522 Resume the session of the control connection.");
            return std::nullopt;
        }
        return data;
    }

    void reply(std::string_view text) { control_.send_all(std::string(text) + "\r\n"); }

    Connection control_;
    Lines lines_{control_};
    const Service& service_;
    Reuse reuse_;
    bool protects_data_ = false;
    DataPort port_;
};

/// Threads that accept and serve, one more than there are connections. None ever ends, so a
/// benchmark of short sessions does not measure the start of threads.
class Crew {
public:
    Crew(const Socket& listener, std::function<void(Socket)> serve)
        : listener_(listener), serve_(std::move(serve)) {
        hire();
    }

private:
    void hire() {
        ++idle_;
        std::thread([this] { work(); }).detach();
    }
    void work() {
        for (;;) {
            Socket socket = listener_.accepted();
            if (--idle_ == 0) hire();
            try {
                serve_(std::move(socket));
            } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
                // The peer went away, or sees our connection end and reports that itself.
            }
            ++idle_;
        }
    }

    const Socket& listener_;
    std::function<void(Socket)> serve_;
    std::atomic<int> idle_ = 0;
};

}  // namespace

void serve_ftp(const ServerSockets& sockets, const Certificate& certificate, Origin origin) {
    const Service service{
        .block = Block(origin), .tls = server_context(certificate), .host = sockets.host};
    const auto dialogs = [&](Reuse reuse) {
        return
            [&service, reuse](Socket socket) { Dialog(std::move(socket), service, reuse).run(); };
    };
    const Crew everybody(sockets.control, dialogs(Reuse::welcome));
    const Crew resuming(sockets.resuming_control, dialogs(Reuse::required));
    for (;;) ::pause();
}

}  // namespace ballast::bench
