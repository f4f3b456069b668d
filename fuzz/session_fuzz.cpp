// SPDX-License-Identifier: Apache-2.0
// A whole session between a client and servers that follow the input. The input is a script of
// lines. If the first begins with 'o', its letters are options (see `set`). In each other line the
// first character says who acts:
//   c the client      b the server, on their last control connection;
//   d the client      e the server, on their last data connection;
// and the second says what they do:
//   ' ' sends the rest of the line and CRLF      : sends it alone (\r \n \0 \\ are those bytes)
//   * sends much                                 . ends its direction
//   ! breaks the connection                      ~ dies; its kernel ends the connection
//   - stops reading      + resumes reading       > connects again, to the address last announced
// Further lines: h the client begins TLS (and does not finish it); p the client connects to the
// servers' own data port; s> a stranger connects to the address last announced to the client; l
// logs in; tN lets N milliseconds pass; x stops the session; X destroys it. A line after one that
// begins with & happens at the same moment.
#include "backend/leg.h"
#include "base/ascii.h"
#include "demand.h"
#include "ftp/command.h"
#include "ftp/host_port.h"
#include "ftp/reply.h"
#include "guard/command_policy.h"
#include "support/data_peer.h"
#include "support/world.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using ballast::base::Address;
using ballast::base::Ip;
using ballast::support::DataPeer;
using ballast::support::World;

constexpr std::size_t lines_max = 200;
constexpr std::uint16_t server_data_port = 40'000;
/// Longer than the sum of all deadlines.
constexpr auto the_end = 3h;

Address client_address(std::uint16_t port) { return {Ip::parse("198.51.100.7").value(), port}; }

/// Where the client listens for data.
const Address client_listens = client_address(50'000);

std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

std::string unescaped(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            bytes += text[i];
            continue;
        }
        switch (text[++i]) {
            case 'r': bytes += '\r'; break;
            case 'n': bytes += '\n'; break;
            case '0': bytes += '\0'; break;
            default: bytes += text[i];
        }
    }
    return bytes;
}

/// A minimal ClientHello: no session, one cipher suite, no extensions.
std::string client_hello() {
    const auto random = std::string(32, '7');
    return "\x16\3\1\\0\x2d\1\\0\\0\x29\3\3" + random + "\\0\\0\2\x13\1\1\\0";
}

/// The peers' ends of one kind of connection, old ones included.
class FarEnds {
public:
    struct End {
        End(ballast::loop::Loop& loop, std::unique_ptr<ballast::net::Stream> stream)
            : peer(loop), address(stream->local()) {
            peer.take(std::move(stream));
        }
        DataPeer peer;
        Address address;
        std::string said;
        std::size_t looked_at = 0;
        bool has_finished = false;
        bool is_gone = false;
    };

    explicit FarEnds(World& world) : world_(world) {}

    End* take(std::unique_ptr<ballast::net::Stream> stream) {
        if (!stream) return nullptr;
        return all_.emplace_back(std::make_unique<End>(world_.loop, std::move(stream))).get();
    }
    [[nodiscard]] const std::vector<std::unique_ptr<End>>& all() const { return all_; }
    [[nodiscard]] End* last() const { return all_.empty() ? nullptr : all_.back().get(); }

    void act(char deed, std::string_view text) {
        if (all_.empty()) return;
        auto& end = *last();
        switch (deed) {
            case ' ': return say(end, unescaped(text) + "\r\n");
            case ':': return say(end, unescaped(text));
            case '*': return say(end, std::string(much(), '*'));
            case '.': end.has_finished = true; return end.peer.finish();
            case '-': return end.peer.stop_reading();
            case '+': return end.peer.resume_reading();
            case '!': end.is_gone = true; return end.peer.reset();
            case '~': end.is_gone = true; return end.peer.vanish();
            default: return;
        }
    }
    static void say(End& end, const std::string& bytes) {
        if (end.has_finished || end.is_gone) return;
        end.said += bytes;
        end.peer.send(bytes);
    }

private:
    /// More than a pipe holds; less if each byte travels alone.
    [[nodiscard]] std::size_t much() const {
        return world_.network.shape.slice_bytes == 0 ? 20'000 : 700;
    }

    World& world_;
    std::vector<std::unique_ptr<End>> all_;
};

struct Options {
    bool obliges = false;  ///< the servers give the replies that lead to a transfer
    bool waits = false;    ///< at the end the client stays silent
    bool rewrites = false;
    bool are_scripted = false;  ///< the servers are those of the unit tests; b and e do nothing
    bool passes_through = false;
    bool follows_client = false;  ///< ABOR has as many replies as a server gives
    bool may_name_others = false;
    bool trusts = false;        ///< the addresses that servers name
    bool takes_time = false;    ///< commands or bytes are delayed
    bool aborts_oddly = false;  ///< the servers give ABOR one reply or three
    bool cuts = false;          ///< output may be cut off when a session ends
};

class Play {
public:
    explicit Play(std::string_view options) {
        for (const char option : options) set(option);
        for (std::size_t i = 0; i < 2; ++i) {
            if (knows_features_) world_.survey(i);
            if (options_.are_scripted) {
                world_.backend(i).files["a.txt"] = std::string(5000, 'a');
                continue;
            }
            const auto& address = world_.backend(i).address();
            world_.backend(i).close();
            world_.network.listen(address, [this](auto stream) {
                auto* const end = servers_.take(std::move(stream));
                end->peer.at_change = [this, end] { oblige(*end); };
                oblige(*end);
            });
            world_.network.listen({address.ip, server_data_port},
                                  [this](auto stream) { server_data_.take(std::move(stream)); });
        }
        world_.network.listen(client_listens,
                              [this](auto stream) { client_data_.take(std::move(stream)); });
        connect_client();
    }

    void act(std::string_view line) {
        const bool is_sudden = line.starts_with('&');
        if (is_sudden) line.remove_prefix(1);
        if (!line.empty()) perform(line);
        if (!is_sudden) world_.loop.settle();
    }

    void finish() {
        world_.loop.settle();
        // Under as-client a client hears as many replies to ABOR as the server gives.
        const bool is_in_step = !(options_.follows_client && options_.aborts_oddly);
        if (options_.are_scripted && !options_.takes_time && is_in_step) check_step();
        for (const auto& client : clients_.all()) {
            client->is_gone |= !options_.waits;
            if (!options_.waits) client->peer.vanish();
        }
        world_.loop.run_for(the_end);
        demand(world_.sessions() == 0);
        demand(world_.seats_taken() == 0);
        demand(world_.transfers_running() == 0);
        demand(world_.load().transfers == 0);
        demand(world_.network.leases() == 0);
        check_ledger();
        for (const auto* ends : {&clients_, &servers_, &client_data_, &server_data_, &strangers_}) {
            for (const auto& end : ends->all())
                if (!end->is_gone) end->peer.resume_reading();
            world_.loop.settle();
            for (const auto& end : ends->all())
                demand(end->is_gone || end->peer.end() != DataPeer::End::open);
        }
        for (const auto& stranger : strangers_.all()) demand(stranger->peer.received().empty());
        check_dials();
        // Bytes after AUTH have no meaning here.
        if (options_.passes_through) return;
        if (!options_.are_scripted) check_data(client_data_, server_data_);
        check_data(server_data_, client_data_);
        for (const auto& client : clients_.all()) check_replies(*client);
        for (const auto& server : servers_.all()) check_commands(*server);
    }

private:
    void set(char option) {
        using ballast::config::BackendData;
        auto& listener = world_.listener;
        auto& pool = world_.pool_settings;
        pool.data_ports = {21000, 21009};
        switch (option) {
            case 'a':
                pool.backend_data = BackendData::as_client;
                options_.follows_client = true;
                break;
            case 'e': pool.backend_data = BackendData::eprt; break;
            case 'p': pool.backend_data = BackendData::port; break;
            case 'v': pool.backend_data = BackendData::pasv; break;
            case 't':
                pool.trust_pasv_address = true;
                options_.trusts = true;
                break;
            case 'h': pool.send_proxy = ballast::config::ProxyHeader::v1; break;
            case 'q': pool.queue.length = 1; [[fallthrough]];
            case 'm':
                for (auto& backend : pool.backends) backend.max_sessions = 1;
                break;
            case 'r': listener.read_only = true; break;
            case 'A': listener.allow_arguments = {"RETR a*", "SITE CHMOD *"}; break;
            case 'D': listener.deny_commands = {"SITE", "STAT"}; break;
            case 'f':
                listener.allow_fxp = true;
                options_.may_name_others = true;
                break;
            case 'u':
                listener.user_at_pool = true;
                listener.user_at_host = true;
                options_.rewrites = true;
                break;
            case 'b': listener.session_bandwidth = 5000; break;
            case 'c':
                listener.command_rate = 2;
                options_.takes_time = true;
                break;
            case 'g':
                listener.mode = ballast::config::ListenerMode::passthrough;
                listener.plain = true;
                options_.passes_through = true;
                for (auto& backend : pool.backends)
                    backend.passive_ports = {server_data_port, server_data_port};
                break;
            case 'T': world_.limits.transfers = 1; break;
            case 'F': world_.limits.failed_logins_per_user = 1; break;
            case 'R':
                listener.routes.emplace_back().match.user = {"no*"};
                listener.routes.back().reject = "530 Not from here.";
                break;
            case 'k': knows_features_ = true; break;
            case 's':
                world_.network.shape.slice_bytes = 1;
                options_.cuts = true;
                break;
            case 'n':
                world_.network.shape.pipe_bytes = 512;
                options_.cuts = true;
                break;
            case 'o': options_.obliges = true; break;
            case 'w': options_.waits = true; break;
            case '4':
            case '5': options_.aborts_oddly = true; break;
            case 'S': options_.are_scripted = true; break;
            default: break;
        }
        for (std::size_t i = 0; i < 2; ++i) set(option, world_.backend(i).script);
    }

    static void set(char option, ballast::support::BackendScript& script) {
        switch (option) {
            case '1': script.knows_epsv = false; break;
            case '2': script.final_reply_first = true; break;
            case '3': script.status_waits = true; break;
            case '4': script.abort_replies = {"426 Aborted."}; break;
            case '5':
                script.abort_replies = {"226 Aborted.", "226 Aborted.", "225 Aborted."};
                break;
            case '6': script.begin_reply.clear(); break;
            case '7': script.reply_delay = 5ms; break;
            case '8': script.final_delay = 2s; break;
            case '9': script.abort_gap = 50ms; break;
            case '0': script.final_waits_for_close = true; break;
            default: break;
        }
    }

    void perform(std::string_view line) {
        const char who = line.front();
        line.remove_prefix(1);
        switch (who) {
            case 'l': return log_in();
            case 'h': return clients_.act(':', client_hello());
            case 'p':
                client_data_.take(world_.network.connect(client_address(next_port_++),
                                                         {world_.address().ip, server_data_port}));
                return;
            case 't': return pass_time(line);
            case 'x':
                if (world_.sessions() > 0) world_.session().stop();
                return;
            case 'X': options_.cuts = true; return world_.destroy_sessions();
            default: break;
        }
        if (line.empty()) return;
        const char deed = line.front();
        line.remove_prefix(1);
        switch (who) {
            case 'c': return deed == '>' ? connect_client() : clients_.act(deed, line);
            case 'b': return servers_.act(deed, line);
            case 'd':
                if (deed != '>') return client_data_.act(deed, line);
                return connect_to_lent(client_data_, client_listens.ip);
            case 's':
                if (deed != '>') return;
                connect_to_lent(strangers_, Ip::parse("203.0.113.9").value());
                return strangers_.act(':', "stranger's");
            case 'e': return deed == '>' ? connect_server_data() : server_data_.act(deed, line);
            default: return;
        }
    }

    void log_in() {
        act("c USER anna");
        act("b 220 Ready.");
        act("b 331 Password?");
        act("c PASS secret");
        act("b 230 Welcome.");
    }

    void pass_time(std::string_view digits) {
        constexpr std::uint32_t most = 3'600'000;
        std::uint32_t milliseconds = 0;
        for (const char digit : digits) {
            if (digit < '0' || digit > '9') continue;
            milliseconds = std::min<std::uint32_t>(
                most, milliseconds * 10 + static_cast<std::uint32_t>(digit - '0'));
        }
        world_.loop.run_for(std::chrono::milliseconds(milliseconds));
    }

    void connect_client() {
        clients_.take(world_.network.connect(client_address(next_port_++), world_.address()));
    }

    /// Connects to the address in the client's last 227 or 229.
    void connect_to_lent(FarEnds& ends, const Ip& from) {
        const auto* const client = clients_.last();
        if (client == nullptr) return;
        std::string_view received = client->peer.received();
        ballast::ftp::ReplyParser parser;
        std::uint16_t port = 0;
        for (;;) {
            const auto step = parser.next(received);
            received.remove_prefix(step.consumed);
            if (!step.reply || !*step.reply) break;
            if (const auto told = ballast::ftp::parse_passive_reply((*step.reply)->text))
                port = told->port;
        }
        if (port != 0)
            ends.take(world_.network.connect({from, next_port_++}, {world_.address().ip, port}));
    }

    /// Connects to the address in the last PORT or EPRT.
    void connect_server_data() {
        const auto* const server = servers_.last();
        if (server == nullptr) return;
        std::optional<Address> told;
        std::string_view received = server->peer.received();
        while (!received.empty()) {
            auto line = take_line(received);
            if (line.ends_with('\r')) line.remove_suffix(1);
            const bool is_port = line.starts_with("PORT ");
            if (!is_port && !line.starts_with("EPRT ")) continue;
            const auto parsed = is_port ? ballast::ftp::parse_port(line.substr(5))
                                        : ballast::ftp::parse_eprt(line.substr(5));
            if (parsed) told = *parsed;
        }
        // A client may send it under TLS, which Ballast does not read: such a connection bypasses
        // Ballast.
        const auto& ours = world_.pool_settings.data_ports;
        if (!told || (options_.passes_through && !(ours && ours->contains(told->port)))) return;
        server_data_.take(world_.network.connect({server->address.ip, next_port_++}, *told));
    }

    void oblige(FarEnds::End& server) {
        if (!options_.obliges) return;
        if (server.said.empty()) FarEnds::say(server, "220 Ready.\r\n");
        for (;;) {
            auto rest = std::string_view(server.peer.received()).substr(server.looked_at);
            const auto end = rest.find('\n');
            if (end == std::string_view::npos) return;
            server.looked_at += end + 1;
            const auto verb = rest.substr(0, std::min(end, rest.find_first_of(" \r")));
            for (const auto& [asked, answer] : answers_)
                if (verb == asked) FarEnds::say(server, std::string(answer) + "\r\n");
        }
    }

    void check_ledger() {
        auto& ledger = world_.ledger;
        const auto now = world_.loop.now();
        world_.limits.transfers = 1;
        world_.limits.sessions_per_address = 1;
        world_.limits.sessions_per_user = 1;
        world_.listener.max_sessions = 1;
        demand(ledger.begin_transfer().has_value());
        demand(ledger.enter(world_.listener, client_listens.ip, now).has_value());
        demand(ledger.logged_in({world_.pool_settings.name, "anna"}).has_value());
    }

    /// RFC 2577 3: Ballast connects to no address that a client or a server must not name.
    void check_dials() {
        constexpr std::uint16_t well_known_last = 1023;
        for (const auto& dial : world_.network.dials()) {
            if (dial.fault == ballast::base::Fault::client)
                demand(options_.may_name_others ||
                       (dial.to.ip == client_listens.ip && dial.to.port > well_known_last));
            else
                demand(options_.trusts || dial.to.ip == world_.backend(0).address().ip ||
                       dial.to.ip == world_.backend(1).address().ip);
        }
    }

    /// The received bytes are the beginning of what one sender sent, and all of it if they ended
    /// properly.
    static void check_data(const FarEnds& receivers, const FarEnds& senders) {
        for (const auto& receiver : receivers.all()) {
            const auto& received = receiver->peer.received();
            if (received.empty()) continue;
            // A peer that ended its own direction first was not a receiver.
            const bool is_proper =
                receiver->peer.end() == DataPeer::End::proper && !receiver->has_finished;
            demand(std::ranges::any_of(senders.all(), [&](const auto& sender) {
                const bool is_whole = sender->has_finished && sender->said == received;
                return sender->said.starts_with(received) &&
                       (!is_proper || is_whole || sender->is_gone);
            }));
        }
    }

    struct Heard {
        std::vector<ballast::ftp::Command> commands;
        std::size_t lines = 0;
    };
    [[nodiscard]] Heard heard_from(std::string_view bytes) const {
        ballast::ftp::CommandParser parser(world_.listener.command_bytes_max);
        Heard heard;
        for (;;) {
            auto step = parser.next(bytes);
            bytes.remove_prefix(step.consumed);
            if (!step.command) return heard;
            ++heard.lines;
            if (*step.command) heard.commands.push_back(std::move(**step.command));
        }
    }

    /// Each command got its reply, if these servers answer everything and nothing is in progress.
    void check_step() {
        const auto* const client = clients_.last();
        const auto is_busy = [&] {
            return client == nullptr || client->is_gone || client->has_finished ||
                   client->peer.end() != DataPeer::End::open || world_.transfers_running() != 0;
        };
        clients_.act('+', {});
        world_.loop.run_for(40s);
        if (is_busy()) return;
        clients_.act(' ', "NOOP");
        world_.loop.run_for(10s);
        if (is_busy()) return;
        demand(final_replies(client->peer.received()) == heard_from(client->said).lines + 1);
    }

    [[nodiscard]] static std::size_t final_replies(std::string_view received) {
        ballast::ftp::ReplyParser parser(1 << 20, 1 << 20);
        std::size_t replies = 0;
        for (;;) {
            const auto step = parser.next(received);
            received.remove_prefix(step.consumed);
            if (!step.reply) return replies;
            demand(step.reply->has_value());
            demand((*step.reply)->text.size() == step.consumed);
            if (!(*step.reply)->is_preliminary()) ++replies;
        }
    }

    /// Whole replies only, and no more than the commands, the greeting and one farewell allow. ABOR
    /// may have as many as a server may give.
    void check_replies(const FarEnds::End& client) {
        std::string_view received = client.peer.received();
        if (!client.is_gone && !options_.cuts)
            demand(received.empty() || received.ends_with("\r\n"));
        for (std::size_t i = 0; i < received.size(); ++i)
            if (received[i] == '\n') demand(i > 0 && received[i - 1] == '\r');
        const auto heard = heard_from(client.said);
        auto replies_max = heard.lines + 2;
        if (options_.follows_client)
            replies_max += ballast::backend::Leg::abort_replies_max *
                           static_cast<std::size_t>(std::ranges::count(
                               heard.commands, "ABOR", &ballast::ftp::Command::verb));
        demand(final_replies(received) <= replies_max);
    }

    /// Whole lines only, each an allowed one of the client or one of Ballast's own.
    void check_commands(const FarEnds::End& server) {
        std::string_view received = server.peer.received();
        // One is the greeting, the other the reply to USER or PASS.
        std::size_t positive = 0;
        for (std::string_view said = server.said; !said.empty();)
            if (take_line(said).starts_with('2')) ++positive;
        const bool has_logged_in = positive >= 2;
        bool is_first = true;
        while (!received.empty()) {
            const auto end = received.find("\r\n");
            const auto line = received.substr(0, end);
            demand(line.find_first_of("\0\n"sv) == std::string_view::npos);
            if (end == std::string_view::npos) {
                demand(server.is_gone || options_.cuts);
                return;
            }
            demand(line.find('\r') == std::string_view::npos);
            received.remove_prefix(end + 2);
            const bool is_preamble = std::exchange(is_first, false) && line.starts_with("PROXY ");
            demand(is_preamble || is_own(line) || is_of_client(line));
            if (!is_preamble && !is_of_login(line)) demand(has_logged_in);
        }
    }

    [[nodiscard]] bool is_own(std::string_view line) const {
        constexpr std::array whole_lines = {"EPSV"sv, "PASV"sv, "NOOP"sv,
                                            "ABOR"sv, "QUIT"sv, "FEAT"sv};
        if (std::ranges::find(whole_lines, line) != whole_lines.end()) return true;
        const auto is_made_of = [line](std::string_view verb, std::string_view characters) {
            return line.starts_with(verb) &&
                   line.find_first_not_of(characters, verb.size()) == std::string_view::npos;
        };
        return is_made_of("REST ", "0123456789") || is_made_of("PORT ", "0123456789,") ||
               is_made_of("EPRT ", "0123456789.|") ||
               (options_.rewrites && (line.starts_with("USER ") || line.starts_with("HOST ")));
    }

    [[nodiscard]] static bool is_of_login(std::string_view line) {
        const auto command = line.substr(0, line.find(' '));
        return std::ranges::any_of(
            std::array{"USER"sv, "PASS"sv, "ACCT"sv, "HOST"sv, "QUIT"sv},
            [&](auto verb) { return ballast::base::is_same_but_for_case(command, verb); });
    }

    [[nodiscard]] bool is_of_client(std::string_view line) const {
        for (const auto& client : clients_.all())
            for (const auto& command : heard_from(client->said).commands)
                if (command.line == line)
                    return !ballast::guard::refusal_of(world_.listener, command.verb,
                                                       command.argument);
        return false;
    }

    struct Answer {
        std::string_view verb;
        std::string_view reply;
    };
    static constexpr std::array<Answer, 12> answers_ = {{{"USER", "331 Password?"},
                                                         {"PASS", "230 Welcome."},
                                                         {"EPSV", "229 There (|||40000|)"},
                                                         {"PASV", "227 There (10,0,0,11,156,64)"},
                                                         {"PORT", "200 Fine."},
                                                         {"EPRT", "200 Fine."},
                                                         {"REST", "350 Restarting."},
                                                         {"NOOP", "200 Fine."},
                                                         {"RETR", "150 Here it comes."},
                                                         {"LIST", "150 Here it comes."},
                                                         {"STOR", "150 Go on."},
                                                         {"PWD", "257 \"/\""}}};

    World world_;
    Options options_;
    bool knows_features_ = false;
    std::uint16_t next_port_ = 51'000;
    FarEnds clients_{world_};
    FarEnds servers_{world_};
    FarEnds client_data_{world_};
    FarEnds server_data_{world_};
    FarEnds strangers_{world_};
};

/// Lines that random changes of bytes would hardly find.
constexpr auto useful_lines = std::to_array<std::string_view>({
    "l",
    "x",
    "h",
    "p",
    "c USER nobody",
    "b 234 TLS.",
    "t 1",
    "t 25",
    "t 3000",
    "t 61000",
    "t 301000",
    "t 901000",
    "c USER anna",
    "c USER anna@files%ftp.example.com",
    "c PASS secret",
    "c ACCT 1",
    "c PASV",
    "c EPSV",
    "c EPSV ALL",
    "c EPSV 1",
    "c PORT 198,51,100,7,195,80",
    "c EPRT |1|198.51.100.7|50000|",
    "c RETR a.txt",
    "c STOR b.txt",
    "c APPE b.txt",
    "c STOU",
    "c LIST",
    "c MLSD",
    "c REST 3",
    "c ABOR",
    "c:\xff\xf4\xff\xf2"
    "ABOR\\r\\n",
    "c STAT",
    "c STAT a",
    "c QUIT",
    "c REIN",
    "c FEAT",
    "c HOST ftp.example.com",
    "c OPTS UTF8 ON",
    "c CLNT x",
    "c AUTH TLS",
    "c PBSZ 0",
    "c PROT P",
    "c CCC",
    "c NOOP",
    "c PWD",
    "c SITE CHMOD 600 a",
    "c SITE ZONE",
    "c XFOO",
    "c TYPE I",
    "c MODE B",
    "c RNFR a",
    "c RNTO b",
    "c CWD /",
    "c:RETR a\\rDELE b\\r\\n",
    "c:RETR a\\0b\\nQUIT\\r\\n",
    "c*",
    "c.",
    "c!",
    "c~",
    "c-",
    "c+",
    "c>",
    "b 220 Ready.",
    "b 120 Soon.",
    "b 331 Password?",
    "b 332 Account?",
    "b 230 Welcome.",
    "b 530 No.",
    "b 421 Bye.",
    "b 500 What?",
    "b 502 What?",
    "b 200 Fine.",
    "b 350 Go on.",
    "b 229 There (|||40000|)",
    "b 227 There (10,0,0,11,156,64)",
    "b 150 Here.",
    "b 125 Here.",
    "b 226 Done.",
    "b 226-Done.\\r\\n226 Done.",
    "b 250 Done.",
    "b 226 ABOR.",
    "b 225 ABOR.",
    "b 426 Broken.",
    "b 425 No data.",
    "b 451 Failed.",
    "b 550 No.",
    "b 213-Status",
    "b 213 End",
    "b 211-Status\\r\\n 226 x",
    "b:226 Done.\\n",
    "b:226 Do",
    "b*",
    "b.",
    "b!",
    "b~",
    "b-",
    "b+",
    "d>",
    "s>",
    "c PORT 198,51,100,7,0,80",
    "c PORT 203,0,113,9,195,80",
    "c EPRT |1|0.0.0.0|50000|",
    "b 227 There (203,0,113,9,156,64)",
    "d:some bytes",
    "d*",
    "d.",
    "d!",
    "d~",
    "d-",
    "d+",
    "e>",
    "e:some bytes",
    "e*",
    "e.",
    "e!",
    "e~",
    "e-",
    "e+",
});

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

/// Half of the mutations change whole lines.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
    std::minstd_rand random(seed);
    const auto below = [&random](std::size_t bound) { return random() % bound; };
    if (below(2) == 0) return LLVMFuzzerMutate(data, size, size_max);

    std::vector<std::string> lines;
    for (std::string_view rest(reinterpret_cast<const char*>(data), size); !rest.empty();)
        lines.emplace_back(take_line(rest));
    const auto place = [&](std::size_t bound) {
        return lines.begin() + static_cast<std::ptrdiff_t>(below(bound));
    };
    const std::string useful(useful_lines.at(below(useful_lines.size())));
    switch (lines.empty() ? 0 : below(8)) {
        case 0:
        case 1:
        case 2: lines.insert(place(lines.size() + 1), useful); break;
        case 3: *place(lines.size()) = useful; break;
        case 4: lines.erase(place(lines.size())); break;
        case 5: std::swap(*place(lines.size()), *place(lines.size())); break;
        case 6: {
            const auto copied = *place(lines.size());
            lines.insert(place(lines.size() + 1), copied);
            break;
        }
        default: {
            auto& line = *place(lines.size());
            line.starts_with('&') ? line.erase(0, 1) : line.insert(0, 1, '&');
        }
    }
    std::string text;
    for (const auto& line : lines) text.append(line).append(1, '\n');
    text.resize(std::min(text.size(), size_max));
    std::ranges::copy(text, data);
    return text.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    Play play(rest.starts_with('o') ? take_line(rest).substr(1) : std::string_view());
    for (std::size_t lines = 0; lines < lines_max && !rest.empty(); ++lines)
        play.act(take_line(rest));
    play.finish();
    return 0;
}
