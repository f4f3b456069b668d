// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "backend/knowledge.h"
#include "base/token_bucket.h"
#include "base/wiped_string.h"
#include "config/config.h"
#include "ftp/reply.h"
#include "loop/job.h"
#include "net/control_connection.h"
#include "net/network.h"

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::backend {

/// Why a data connection to the backend could not be opened or protected.
struct DataRefusal {
    std::optional<ftp::Reply> reply;  ///< the backend's reply, if there was one
    base::Error error;
    bool control_is_lost = false;  ///< the leg is unusable
};

/// The data connection to a backend: open already, or expected on a port of ours.
struct DataConnection {
    std::unique_ptr<net::Stream> stream;
    std::unique_ptr<net::Lease> lease;  ///< set if `stream` is not
};

/// Output of a backend as it arrives: a reply, or lines of one that goes on.
struct Heard {
    ftp::Reply reply;  ///< `code` is that of the whole reply
    bool is_end = true;
};

/// One control connection to a backend, and the data connections that belong to it. Commands go out
/// one whole line per write, one at a time: some servers treat whatever one read returns as one
/// command. Lives on one loop's thread. Waits on the given signal, which others may raise too.
class Leg {
public:
    /// Connects, reads the greeting and begins TLS if the contact says so. `client_has_tls` decides
    /// for settings that follow the client. A greeting other than 220 is an error: `backend_full`
    /// for a 421. The error's fault says what the failure means for the backend.
    [[nodiscard]] static loop::Task<base::Result<std::unique_ptr<Leg>>> connect(
        net::Network& network, Contact contact, bool client_has_tls, loop::Signal& signal);

    // A leg that was connected before its client came

    /// Whether the backend has neither closed nor spoken since the last reply. Looks at the system.
    [[nodiscard]] bool is_silent();
    /// From now on it belongs to the session of this contact and signal. Call once, before a
    /// command. It keeps its source address. The steps of `connect` have taken that session no
    /// time.
    void serve(Contact contact, loop::Signal& signal);
    /// The backend is there. Until then each answer must come within `connect_timeout`.
    void note_answered() { patience_max_ = loop::Time::duration::max(); }
    /// Begins TLS where that follows the client's.
    [[nodiscard]] loop::Task<base::Result<>> follow_tls(bool client_has_tls);

    /// How long each step of `connect` took; zero: it was not taken.
    struct Times {
        loop::Time::duration connect{};
        loop::Time::duration greeting{};
        loop::Time::duration tls{};  ///< AUTH and the handshake
    };

    Leg(net::Network& network, std::unique_ptr<net::Stream> stream, Contact contact,
        loop::Signal& signal);
    [[nodiscard]] const Times& times() const { return times_; }

    /// Sends one line (without CRLF) while no reply is owed. First drops unexpected replies;
    /// otherwise each would be taken for the answer to the next command. A 421 among them is an
    /// error (`backend_full`): the backend ends the session but is healthy.
    [[nodiscard]] loop::Task<base::Result<>> send(base::WipedString line);
    /// Sends one line although replies are owed: ABOR, STAT and the NOOP behind them.
    [[nodiscard]] loop::Task<base::Result<>> send_meanwhile(base::WipedString line);
    /// The next reply, preliminary ones included.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> reply(loop::Deadline deadline);
    /// Sends one line while no reply is owed, and waits for the reply. Each line of the reply has
    /// the pool's timeout for the verb, all lines together at most `long_reply_timeout`. Drops
    /// unexpected replies like `send`, but a 421 among them is the reply.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> command(base::WipedString line);

    /// Sends lines in one write while no reply is owed, for a backend that reads several commands
    /// at once (`Known::takes_several`). All their replies are then owed, in this order. Drops
    /// unexpected replies like `send`.
    [[nodiscard]] loop::Task<base::Result<>> send_several(const std::vector<std::string>& lines);

    // For callers that pass on replies of any length as they arrive

    /// Like `command`, but with `in_lines` it returns the lines of a longer reply as they arrive:
    /// `hear` returns more.
    [[nodiscard]] loop::Task<base::Result<Heard>> ask(base::WipedString line, bool in_lines);
    /// Whether the last `ask` has sent its line, or a part of it. Otherwise the backend was lost,
    /// or had ended the session, before.
    [[nodiscard]] bool has_asked() const { return has_asked_; }
    /// What may be given out of a reply whose end is not here yet.
    enum class Part : std::uint8_t {
        whole,  ///< nothing before its end
        lines,  ///< the lines that are here
        none,   ///< neither it nor its end now: `hear` returns `late()` at once
    };
    /// Asked with the reply's code whenever more of it has come.
    using PartOf = std::function<Part(std::uint16_t code)>;
    /// The next reply, or lines of it. Each line may take `patience`, all of them until `latest`.
    /// Does not read ahead: a caller that waits for its client between two calls makes the backend
    /// wait.
    [[nodiscard]] loop::Task<base::Result<Heard>> hear(loop::Time::duration patience,
                                                       loop::Deadline latest, PartOf part_of);
    /// The same for all codes. Without `in_lines` a reply has `long_reply_timeout` at most.
    [[nodiscard]] loop::Task<base::Result<Heard>> hear(loop::Time::duration patience,
                                                       bool in_lines);
    /// The code of an expected reply whose first line is here but not its last; 0 if there is none.
    [[nodiscard]] std::uint16_t begun_code() const;
    /// Whole lines of that reply; `poll_reply` returns the rest later. Empty if no line is here, or
    /// for 1xx and 421, which come whole.
    [[nodiscard]] std::string take_lines();
    /// Lines of an unfinished reply have been returned.
    [[nodiscard]] bool is_partly_taken() const { return parser_.is_partly_taken(); }
    /// It answers each of several commands in one packet, and may get them.
    [[nodiscard]] bool takes_several() const {
        return settings().pipelining && known().takes_several();
    }
    /// How long the answer to this line may take.
    [[nodiscard]] loop::Time::duration answer_time(std::string_view line) const;
    /// The administrator has ended all sessions on this backend. All waits for replies end a second
    /// later, ABOR's included.
    [[nodiscard]] bool is_disabled() const { return contact_.is_disabled(); }
    /// The error of an answer that did not come in time.
    [[nodiscard]] base::Error late() const;
    /// When the last line arrived.
    [[nodiscard]] loop::Time line_at() const { return line_at_; }

    /// Sends REST like `command`.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> restart_at(std::uint64_t offset);
    /// Notes that the client's own REST was answered with 350.
    void note_restart() { is_restart_armed_ = true; }
    /// Whether a REST other than 0 is pending at the backend: the next transfer of a file would
    /// begin there.
    [[nodiscard]] bool is_restart_armed() const { return is_restart_armed_; }

    /// A reply that is already here, or an error if the connection is lost. Never waits. For owners
    /// that wait for several things: call this, then `watch` and wait for the signal, at most until
    /// `poll_at`. A backend that keeps sending unexpected replies counts as lost.
    [[nodiscard]] std::optional<base::Result<ftp::Reply>> poll_reply();
    void watch() { control_.watch(); }
    /// When to poll again without a signal: then a reply that looks complete counts as complete, or
    /// one that does not end is given up.
    [[nodiscard]] loop::Deadline poll_at() const { return loop::sooner(settle_at_, cut_at_); }

    /// Sets up a data connection as the pool's `backend_data` says. A passive one has the same
    /// source address and target address as the control connection: the address in the backend's
    /// reply is trusted only if the pool says so. For an active one it lends a port of ours and
    /// tells the backend.
    [[nodiscard]] loop::Task<std::expected<DataConnection, DataRefusal>> open_data();
    /// The command that `open_data` would send, PASV or EPSV, if its answer can be foreseen: the
    /// backend reads several commands at once, and its last data port could be reached. Then the
    /// transfer's command may follow in the same write. Else empty.
    [[nodiscard]] std::string_view foreseen_passive() const;
    /// Sends lines in one write, the command of `foreseen_passive` among them. Empty if done.
    [[nodiscard]] loop::Task<std::optional<DataRefusal>> send_with_passive(
        const std::vector<std::string>& lines);
    /// Hears the answer to that command, as the next reply, and connects.
    [[nodiscard]] loop::Task<std::expected<DataConnection, DataRefusal>> open_foreseen();

    // For data that the kernel carries

    /// Asks the backend for a data port, as `open_data` does for a passive one. Returns where it
    /// is.
    [[nodiscard]] loop::Task<std::expected<base::Address, DataRefusal>> ask_data_address();
    /// Connects to the port that it has named.
    [[nodiscard]] loop::Task<std::expected<DataConnection, DataRefusal>> connect_to(
        base::Address port);
    /// Lends a port of the pool's `data_ports` and tells the backend to connect there.
    [[nodiscard]] loop::Task<std::expected<std::unique_ptr<net::Lease>, DataRefusal>>
    offer_data_port();
    /// Our address on its control connection.
    [[nodiscard]] const base::Address& local() const { return control_.local(); }
    /// Its connections come from the client's own address.
    [[nodiscard]] bool is_transparent() const { return contact_.is_transparent; }

    /// Whether the backend gets the client's own dialog (`as-client`).
    [[nodiscard]] bool follows_client() const {
        return settings().backend_data == config::BackendData::as_client;
    }
    /// Sends the client's own PASV, EPSV, PORT or EPRT to the backend (`as-client`) and returns the
    /// reply. If it is positive, the next `open_data` sends nothing. A passive port is dialled at
    /// once, because some servers answer nothing until its connection is there. `argument` is
    /// EPSV's; PORT and EPRT name a port of ours.
    [[nodiscard]] loop::Task<std::expected<ftp::Reply, DataRefusal>> pass_on(
        std::string_view verb, const std::string& argument);
    /// Returns a data connection that no command has used. The next `open_data` takes it.
    void give_back(DataConnection unused);
    /// The client gives up what `pass_on` set up. A port of ours is free at once. A connection
    /// stays open until the next one or the end: some servers send 226 when they find it closed
    /// (pyftpdlib 1.5.7), which would look like the answer to the next command.
    void forget_data();

    /// Whether a data connection shall use TLS, given whether the client's does.
    [[nodiscard]] bool shall_protect_data(bool client_does) const;
    /// RFC 4217 9: makes the backend expect data connections with or without TLS. Sends nothing if
    /// that is no change. Empty if done.
    [[nodiscard]] loop::Task<std::optional<DataRefusal>> protect_data(bool wanted);
    /// RFC 959 4.1.3: ABOR has its own reply besides the transfer's, and some servers send one
    /// more.
    static constexpr std::size_t abort_replies_max = 3;
    /// ABOR without a transfer. Servers send one reply or two. A NOOP behind the first is a fence:
    /// all replies before its answer belong to ABOR. Nothing follows a 421.
    [[nodiscard]] loop::Task<base::Result<std::vector<ftp::Reply>>> abort_nothing();
    /// Learns the reply code of NOOP, if it is not known yet.
    [[nodiscard]] loop::Task<base::Result<>> learn_noop();
    /// A data connection before its TLS handshake, which offers the control connection's session.
    /// Call after the backend's 1xx, because most servers begin only then. This leg must outlive
    /// it.
    [[nodiscard]] std::unique_ptr<net::TlsStream> wrap_data(std::unique_ptr<net::Stream> data);
    /// Call after that handshake. Remembers a backend that does not resume TLS 1.3 sessions.
    void note_data_handshake(const net::TlsStream& data);
    /// Null in plain text.
    [[nodiscard]] net::TlsStream* tls() const { return tls_; }
    /// Takes the connection, for a caller that goes on with another protocol. The leg is then
    /// unusable. Null if the backend has sent unexpected bytes.
    [[nodiscard]] std::unique_ptr<net::Stream> take_stream();

    [[nodiscard]] loop::Loop& loop() const { return signal_->loop(); }
    /// Returns the backend's greeting once. The leg does not keep it, because it may have 4 KiB.
    [[nodiscard]] ftp::Reply take_greeting() { return std::exchange(greeting_, {}); }
    [[nodiscard]] Known& known() const { return *contact_.known; }
    /// Counts a failure of this backend.
    void count(metrics::BackendError error) const {
        if (contact_.figures) contact_.figures->add(error);
    }
    /// Counts how long a download's first byte took.
    void count_first_byte(loop::Time::duration taken) const {
        if (contact_.figures) contact_.figures->first_byte.observe(taken);
    }
    [[nodiscard]] const config::Pool& settings() const { return *contact_.settings; }
    [[nodiscard]] const config::BackendTls& tls_settings() const { return contact_.backend->tls; }
    [[nodiscard]] const base::Address& address() const { return control_.peer(); }

private:
    [[nodiscard]] loop::Task<base::Result<>> hear_greeting();
    [[nodiscard]] loop::Task<base::Result<>> say_auth();
    [[nodiscard]] loop::Task<base::Result<>> begin_tls();
    [[nodiscard]] loop::Task<std::expected<ftp::Reply, DataRefusal>> ask_passive();
    [[nodiscard]] loop::Task<std::expected<ftp::Reply, DataRefusal>> ask_epsv_or_pasv();
    [[nodiscard]] std::expected<base::Address, DataRefusal> passive_address(
        const ftp::Reply& reply) const;
    using Opened = std::expected<DataConnection, DataRefusal>;
    [[nodiscard]] bool asks_epsv() const;
    [[nodiscard]] loop::Task<Opened> connect_to_named(ftp::Reply reply);
    [[nodiscard]] loop::Task<Opened> dial_data(base::Address to);
    [[nodiscard]] loop::Task<> dial_passed_on(base::Address to);
    [[nodiscard]] loop::Task<std::optional<Opened>> take_passed_on();
    [[nodiscard]] loop::Task<std::expected<std::unique_ptr<net::Lease>, DataRefusal>> lend_port();
    [[nodiscard]] loop::Task<std::expected<ftp::Reply, DataRefusal>> say_port(
        bool extended, std::unique_ptr<net::Lease>& lease);
    [[nodiscard]] static Opened use_lease(std::unique_ptr<net::Lease> lease);
    [[nodiscard]] DataRefusal refused(const ftp::Reply& reply, std::string_view what) const;
    [[nodiscard]] std::optional<base::Result<ftp::Reply>> take(ftp::ReplyParser::Step step);
    [[nodiscard]] std::optional<base::Result<ftp::Reply>> take_reply(
        net::ControlConnection::Ask ask);
    [[nodiscard]] std::optional<base::Result<ftp::Reply>> poll(net::ControlConnection::Ask ask);
    [[nodiscard]] bool is_within_bounds(const ftp::Reply& reply);
    void note_unasked(const ftp::Reply& reply);
    void show(std::string_view message, std::string_view line) const;
    void show_reply(const ftp::Reply& reply) const;
    [[nodiscard]] std::optional<base::Error> loss_before_sending();
    void note_sent(std::string_view line);
    [[nodiscard]] loop::Task<base::Result<>> write_several(const std::vector<std::string>& lines);
    /// Drops unexpected replies. Empty if the next command may be sent.
    [[nodiscard]] std::optional<base::Result<ftp::Reply>> drop_unasked();
    [[nodiscard]] loop::Deadline last_words_until();
    [[nodiscard]] base::Error lost(std::error_code code, std::string_view doing) const;
    [[nodiscard]] base::Error endless() const;

    net::Network& network_;
    Contact contact_;
    net::TlsTickets tickets_;  // outlives the connection
    net::ControlConnection control_;
    net::TlsStream* tls_ = nullptr;  // owned by `control_`
    bool avoids_tls_1_3_ = false;
    bool has_said_pbsz_ = false;
    std::optional<Opened> passed_on_;  // set up by `pass_on`
    std::uint64_t lease_holder_ = 0;
    std::optional<bool> data_is_protected_ = false;  // empty: the backend's default is not known
    loop::Signal* signal_;
    ftp::ReplyParser parser_;
    ftp::Reply greeting_;
    Times times_;
    loop::Deadline settle_at_ = loop::never;
    loop::Deadline cut_at_ = loop::never;  // for a reply that has begun
    loop::Time line_at_{};
    loop::Deadline last_words_until_ = loop::never;  // of a backend that is left

    loop::Time::duration patience_max_ = loop::Time::duration::max();
    bool is_restart_armed_ = false;
    bool has_asked_ = false;
    std::uint32_t owed_ = 0;     // replies to sent lines
    bool may_announce_ = false;  // one 1xx goes with each line that was sent
    bool drops_next_ = false;    // its beginning was unexpected
    bool has_spoken_unasked_ = false;
    bool is_secret_answered_ = false;  // the next reply may repeat a password
    base::TokenBucket unasked_;
    loop::Job dialing_;  // sets `passed_on_`
};

}  // namespace ballast::backend
