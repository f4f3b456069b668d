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
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ballast::backend {

/// Why a data connection to the backend, or its protection, could not be had.
struct DataRefusal {
    std::optional<ftp::Reply> reply;  ///< the backend's own words, if it gave any
    base::Error error;
    bool control_is_lost = false;  ///< nothing more can be asked of this leg
};

/// The data connection to a backend: there already, or expected on a port of ours.
struct DataConnection {
    std::unique_ptr<net::Stream> stream;
    std::unique_ptr<net::Lease> lease;  ///< set if `stream` is not
};

/// What a backend says, as it comes: a reply, or lines of one that goes on.
struct Heard {
    ftp::Reply reply;  ///< `code` is that of the whole
    bool is_end = true;
};

/// One control connection to a backend, and the data connections that belong to it. Commands go out
/// one whole line per write, one at a time: some servers take whatever one read returns for one
/// command. Lives on one loop's thread; waits on the signal it was given, which others may raise
/// too.
class Leg {
public:
    /// Connects, reads the greeting and begins TLS if the contact says so; `client_has_tls` decides
    /// where it is to be as with the client. A greeting other than 220 is an error: `backend_full`
    /// for a 421. The error's fault says what each failure tells of the backend.
    [[nodiscard]] static loop::Task<base::Result<std::unique_ptr<Leg>>> connect(
        net::Network& network, Contact contact, bool client_has_tls, loop::Signal& signal);

    Leg(net::Network& network, std::unique_ptr<net::Stream> stream, Contact contact,
        loop::Signal& signal);

    /// Sends one line (without CRLF) while no reply is owed. What the backend has said unasked is
    /// dropped first, or it would be taken for the answer, and every answer after it for the next
    /// one. A 421 among it is an error (`backend_full`): the backend ends the session, and is well.
    [[nodiscard]] loop::Task<base::Result<>> send(base::WipedString line);
    /// Sends one line although replies are owed: ABOR, STAT and the NOOP behind them.
    [[nodiscard]] loop::Task<base::Result<>> send_meanwhile(base::WipedString line);
    /// The next reply, preliminary ones included.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> reply(loop::Deadline deadline);
    /// Sends one line while no reply is owed, and waits for its reply as long as the pool's
    /// time-out for its verb says: for the first line, and again for each further one, but no
    /// longer than `long_reply_timeout` for all. Drops what was said unasked, as `send` does; a 421
    /// among it is the reply.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> command(base::WipedString line);

    // For who passes replies on as they come, whatever their length

    /// As `command`, but with `in_lines` the lines of a longer reply are given out as they come:
    /// `hear` has more.
    [[nodiscard]] loop::Task<base::Result<Heard>> ask(base::WipedString line, bool in_lines);
    /// The next reply, or lines of it. Each line has `patience`. Reads no more of the backend than
    /// it gives out: who waits for a client between two calls makes the backend wait.
    [[nodiscard]] loop::Task<base::Result<Heard>> hear(loop::Time::duration patience,
                                                       bool in_lines);
    /// The code of a reply to something asked whose first line is here and its last is not; 0:
    /// there is none.
    [[nodiscard]] std::uint16_t begun_code() const;
    /// Whole lines of that reply; `poll_reply` has the rest of it later. Empty: none is here, or it
    /// is a 1xx or 421, which come whole.
    [[nodiscard]] std::string take_lines();
    /// Lines of the reply that goes on have been given out.
    [[nodiscard]] bool is_partly_taken() const { return parser_.is_partly_taken(); }
    /// How long an answer to this line may take.
    [[nodiscard]] loop::Time::duration answer_time(std::string_view line) const;
    /// The error of an answer that did not come in time.
    [[nodiscard]] base::Error late() const;
    /// When the last line came.
    [[nodiscard]] loop::Time line_at() const { return line_at_; }

    /// REST, as `command` sends it.
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> restart_at(std::uint64_t offset);
    /// REST in the client's own words was answered with 350.
    void note_restart() { is_restart_armed_ = true; }
    /// Whether the backend was told a REST other than 0 that no transfer of a file has used: the
    /// next one would begin there.
    [[nodiscard]] bool is_restart_armed() const { return is_restart_armed_; }

    /// A reply that is already here, without waiting; an error if the connection is lost. For
    /// owners that wait for several things: look here, then `watch` and wait for the signal, no
    /// longer than until `poll_at`. A backend that goes on saying more than it was asked is lost.
    [[nodiscard]] std::optional<base::Result<ftp::Reply>> poll_reply();
    void watch() { control_.watch(); }
    /// When to look again although nothing has come: an incomplete reply that looks complete is
    /// taken for complete then, or one that does not end is given up.
    [[nodiscard]] loop::Deadline poll_at() const { return loop::sooner(settle_at_, cut_at_); }

    /// Sets up a data connection as the pool's `backend_data` says. A passive one is opened from
    /// the same source address as the control connection and to the address that it goes to: what a
    /// backend says of its own address is not trusted unless the pool says so. For an active one a
    /// port of ours is lent, and the backend has been told it.
    [[nodiscard]] loop::Task<std::expected<DataConnection, DataRefusal>> open_data();
    /// Whether the backend hears the client's own dialog (`as-client`).
    [[nodiscard]] bool follows_client() const {
        return settings().backend_data == config::BackendData::as_client;
    }
    /// The client's own PASV, EPSV, PORT or EPRT, said to the backend at once (`as-client`): what
    /// it answers. If that is positive, the next `open_data` asks nothing more. A passive port is
    /// dialled from then on, since some servers answer nothing until its connection is there.
    /// `argument` is that of EPSV; PORT and EPRT name a port of ours.
    [[nodiscard]] loop::Task<std::expected<ftp::Reply, DataRefusal>> pass_on(
        std::string_view verb, const std::string& argument);
    /// No command has used this data connection: the next `open_data` takes it.
    void give_back(DataConnection unused);
    /// The client gives up what `pass_on` set up. A port of ours is free at once. A connection
    /// stays until the next one or the end: some servers say 226 of one that they find closed
    /// (pyftpdlib 1.5.7), which would be taken for the answer to the next command.
    void forget_data();

    /// Whether a data connection shall be under TLS, if the client's is (is not).
    [[nodiscard]] bool shall_protect_data(bool client_does) const;
    /// RFC 4217 9: makes the backend expect data connections under TLS, or without; asks only if
    /// that is a change. Empty if done.
    [[nodiscard]] loop::Task<std::optional<DataRefusal>> protect_data(bool wanted);
    /// RFC 959 4.1.3: ABOR is answered beside the transfer that it ends, and some say one more.
    static constexpr std::size_t abort_replies_max = 3;
    /// ABOR while nothing moves. Servers answer with one reply or two; a NOOP behind the first is a
    /// fence: all that comes before its answer belongs to ABOR. Nothing follows a 421.
    [[nodiscard]] loop::Task<base::Result<std::vector<ftp::Reply>>> abort_nothing();
    /// Asks what NOOP is answered with, if that is not known yet.
    [[nodiscard]] loop::Task<base::Result<>> learn_noop();
    /// A data connection whose handshake is yet to come, after the backend's 1xx: most servers
    /// begin only then. The session of the control connection is offered. This leg outlives it.
    [[nodiscard]] std::unique_ptr<net::TlsStream> wrap_data(std::unique_ptr<net::Stream> data);
    /// After that handshake: a backend that resumes no TLS 1.3 sessions is remembered.
    void note_data_handshake(const net::TlsStream& data);
    /// Null in plain text.
    [[nodiscard]] net::TlsStream* tls() const { return tls_; }
    /// The connection, for who goes on with something else than FTP; nothing more can be asked of
    /// this leg. Null if the backend has said more than was asked.
    [[nodiscard]] std::unique_ptr<net::Stream> take_stream();

    [[nodiscard]] loop::Loop& loop() const { return signal_.loop(); }
    /// The backend's greeting, once: the leg does not keep it, since it may have 4 KiB.
    [[nodiscard]] ftp::Reply take_greeting() { return std::exchange(greeting_, {}); }
    [[nodiscard]] Known& known() const { return *contact_.known; }
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
    /// Empty: nothing is left that was said unasked, and the backend may be asked something.
    [[nodiscard]] std::optional<base::Result<ftp::Reply>> drop_unasked();
    [[nodiscard]] base::Error lost(std::error_code code, std::string_view doing) const;
    [[nodiscard]] base::Error endless() const;

    net::Network& network_;
    const Contact contact_;
    net::TlsTickets tickets_;  // outlives the connection
    net::ControlConnection control_;
    net::TlsStream* tls_ = nullptr;  // what `control_` owns
    bool avoids_tls_1_3_ = false;
    bool has_said_pbsz_ = false;
    std::optional<Opened> passed_on_;  // what `pass_on` has set up
    std::uint64_t lease_holder_ = 0;
    std::optional<bool> data_is_protected_ = false;  // empty: the backend's default is not known
    loop::Signal& signal_;
    ftp::ReplyParser parser_;
    ftp::Reply greeting_;
    loop::Deadline settle_at_ = loop::never;
    loop::Deadline cut_at_ = loop::never;  // of a reply that has begun
    loop::Time line_at_{};

    bool is_restart_armed_ = false;
    std::uint32_t owed_ = 0;     // replies to what was sent
    bool may_announce_ = false;  // one 1xx goes with each line that was sent
    bool drops_next_ = false;    // its beginning came unasked
    bool has_spoken_unasked_ = false;
    bool is_secret_answered_ = false;  // what comes now may repeat a password
    base::TokenBucket unasked_;
    loop::Job dialing_;  // what becomes `passed_on_`
};

}  // namespace ballast::backend
