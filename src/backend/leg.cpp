// SPDX-License-Identifier: Apache-2.0
#include "backend/leg.h"

#include "backend/dial.h"
#include "backend/refusal.h"
#include "base/log.h"
#include "base/shortage.h"
#include "ftp/command.h"
#include "ftp/verb.h"
#include "metrics/counters.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace ballast::backend {

namespace {

/// How long to wait for more of a reply that looks complete but formally is not.
constexpr auto settle_time = std::chrono::seconds(1);

/// How long to wait for replies of a disabled backend, above all for that to ABOR.
constexpr auto last_words_time = std::chrono::seconds(1);

/// How long to use TLS 1.2 with a backend that did not resume a TLS 1.3 session.
constexpr auto avoiding_time = std::chrono::hours(1);

/// How many unexpected replies per second a backend may send. A server that answers a command twice
/// is tolerated, one that never stops is not.
constexpr double unasked_replies_per_second = 64;

}  // namespace

Leg::Leg(net::Network& network, std::unique_ptr<net::Stream> stream, Contact contact,
         loop::Signal& signal)
    : network_(network),
      contact_(std::move(contact)),
      control_(std::move(stream), signal),
      signal_(&signal),
      parser_(contact_.settings->reply_line_bytes_max, contact_.settings->reply_bytes_max),
      owed_(1),  // the greeting
      unasked_(unasked_replies_per_second, signal.loop().now()) {}

loop::Task<base::Result<std::unique_ptr<Leg>>> Leg::connect(net::Network& network, Contact contact,
                                                            bool client_has_tls,
                                                            loop::Signal& signal) {
    auto step_began = network.loop().now();
    const auto step_time = [&] {
        return network.loop().now() - std::exchange(step_began, network.loop().now());
    };
    Times times;
    auto stream = co_await dial(network, contact,
                                {.to = contact.address,
                                 .from = {},
                                 .fault = base::Fault::backend,
                                 .user_timeout = contact.settings->tcp_user_timeout,
                                 .purpose = net::Dial::Purpose::control},
                                network.loop().after(contact.settings->connect_timeout), signal);
    const auto figures = contact.figures;
    const auto failed = [&figures](metrics::BackendError what, base::Error& error) {
        if (figures && error.fault != base::Fault::internal)
            figures->add(error.fault == base::Fault::backend_full ? metrics::BackendError::full
                                                                  : what);
        return std::unexpected(std::move(error));
    };
    if (!stream) co_return failed(metrics::BackendError::connect, stream.error());
    times.connect = step_time();
    if (figures) figures->connect.observe(times.connect);
    const auto mode = contact.is_sealed ? config::BackendTlsMode::off : contact.backend->tls.mode;
    const bool says_auth = mode == config::BackendTlsMode::explicit_tls ||
                           (mode == config::BackendTlsMode::as_client && client_has_tls);
    auto leg = std::make_unique<Leg>(network, std::move(*stream), std::move(contact), signal);
    if (const auto& preamble = leg->contact_.preamble; !preamble.empty()) {
        const auto deadline = network.loop().after(leg->settings().connect_timeout);
        auto sent = co_await leg->control_.send(preamble, base::Fault::backend, deadline);
        if (!sent) co_return failed(metrics::BackendError::connect, sent.error());
    }
    if (mode == config::BackendTlsMode::implicit_tls) {
        // Each server has its own default for the protection of data.
        leg->data_is_protected_.reset();
        if (auto done = co_await leg->begin_tls(); !done)
            co_return failed(metrics::BackendError::tls, done.error());
        times.tls = step_time();
    }
    if (auto done = co_await leg->hear_greeting(); !done)
        co_return failed(metrics::BackendError::greeting, done.error());
    times.greeting = step_time();
    if (figures) figures->greeting.observe(times.greeting);
    if (says_auth) {
        if (auto done = co_await leg->say_auth(); !done)
            co_return failed(metrics::BackendError::tls, done.error());
        times.tls = step_time();
    }
    leg->times_ = times;
    co_return leg;
}

bool Leg::is_silent() {
    return !poll(net::ControlConnection::Ask::anyway) && control_.received().empty();
}

void Leg::serve(Contact contact, loop::Signal& signal) {
    contact.source = contact_.source;
    contact_ = std::move(contact);
    signal_ = &signal;
    control_.raise(signal);
    times_ = {};
    patience_max_ = settings().connect_timeout;
}

loop::Task<base::Result<>> Leg::follow_tls(bool client_has_tls) {
    const bool follows = contact_.backend->tls.mode == config::BackendTlsMode::as_client;
    if (!follows || !client_has_tls) co_return base::Result<>{};
    co_return co_await say_auth();
}

loop::Task<base::Result<>> Leg::hear_greeting() {
    const auto deadline = network_.loop().after(settings().greeting_timeout);
    for (;;) {
        auto greeting = co_await reply(deadline);
        if (!greeting) {
            // An error without a code already says what is wrong.
            if (greeting.error().code)
                greeting.error().doing =
                    "waiting for the greeting from " + base::to_string(address());
            co_return std::unexpected(greeting.error());
        }
        if (greeting->is_positive()) {
            greeting_ = std::move(*greeting);
            co_return base::Result<>{};
        }
        // RFC 959 5.4: 120 "service ready in nnn minutes", then 220.
        if (!greeting->is_preliminary())
            co_return std::unexpected(refusal(base::to_string(address()) + " greeted with",
                                              *greeting, base::Fault::backend));
    }
}

/// RFC 4217 4.
loop::Task<base::Result<>> Leg::say_auth() {
    auto reply = co_await command("AUTH TLS");
    if (!reply) co_return std::unexpected(reply.error());
    // By RFC 2228, 334 means that more security data must follow. TLS exchanges that itself.
    if (reply->code != 234 && reply->code != 334)
        co_return std::unexpected(refusal(base::to_string(address()) + " answered AUTH TLS with",
                                          *reply, base::Fault::backend));
    co_return co_await begin_tls();
}

loop::Task<base::Result<>> Leg::begin_tls() {
    avoids_tls_1_3_ = known().avoids_tls_1_3(signal_->loop().now());
    // Our own connections, those of probes, look at the certificate. Sessions may resume.
    const auto start = contact_.figures || contact_.is_warm ? net::TlsClient::Start::may_resume
                                                            : net::TlsClient::Start::full;
    auto& tls = control_.begin_tls([&](std::unique_ptr<net::Stream>&& plain) {
        return contact_.tls_client->wrap_control(std::move(plain), tickets_, avoids_tls_1_3_,
                                                 start);
    });
    parser_ = ftp::ReplyParser(settings().reply_line_bytes_max, settings().reply_bytes_max);
    settle_at_ = loop::never;
    cut_at_ = loop::never;
    drops_next_ = false;  // RFC 4217 15.1: replies before TLS do not count under TLS
    auto done =
        co_await tls.handshake(*signal_, base::Fault::backend,
                               signal_->loop().after(contact_.backend->tls.handshake_timeout),
                               [this] { return contact_.is_left(); });
    if (!done && contact_.is_left()) co_return std::unexpected(contact_.left(address()));
    metrics::count(done ? metrics::Counter::tls_backend_control_handshakes
                        : metrics::Counter::tls_backend_handshakes_failed);
    if (!done) co_return std::unexpected(done.error());
    metrics::count(tls.version() == "TLSv1.3"   ? metrics::Counter::tls_backend_1_3
                   : tls.version() == "TLSv1.2" ? metrics::Counter::tls_backend_1_2
                                                : metrics::Counter::tls_backend_older);
    tls_ = &tls;
    co_return base::Result<>{};
}

bool Leg::shall_protect_data(bool client_does) const {
    if (tls_ == nullptr) return false;
    switch (contact_.backend->tls.data) {
        case config::BackendDataTls::as_client: return client_does;
        case config::BackendDataTls::always: return true;
        case config::BackendDataTls::never: return false;
    }
    std::terminate();
}

loop::Task<std::optional<DataRefusal>> Leg::protect_data(bool wanted) {
    if (tls_ == nullptr || data_is_protected_ == wanted) co_return std::nullopt;
    if (!has_said_pbsz_) {
        // RFC 4217 8: PBSZ 0 must come first. If a server refuses it, the answer to PROT decides.
        auto reply = co_await command("PBSZ 0");
        if (!reply) co_return DataRefusal{{}, reply.error(), true};
        has_said_pbsz_ = true;
    }
    auto reply = co_await command(wanted ? "PROT P" : "PROT C");
    if (!reply) co_return DataRefusal{{}, reply.error(), true};
    if (reply->is_positive()) {
        data_is_protected_ = wanted;
        co_return std::nullopt;
    }
    auto error = refusal(
        fmt::format("{} answered PROT {} with", base::to_string(address()), wanted ? 'P' : 'C'),
        *reply);
    co_return DataRefusal{std::move(*reply), std::move(error), false};
}

loop::Task<base::Result<>> Leg::learn_noop() {
    if (known().noop_code()) co_return base::Result<>{};
    const auto reply = co_await command("NOOP");
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->code == 421)
        co_return std::unexpected(
            refusal(base::to_string(address()) + " answered NOOP with", *reply));
    known().set_noop_code(reply->code);
    co_return base::Result<>{};
}

std::unique_ptr<net::TlsStream> Leg::wrap_data(std::unique_ptr<net::Stream> data) {
    return contact_.tls_client->wrap_data(std::move(data), tickets_, avoids_tls_1_3_);
}

void Leg::note_data_handshake(const net::TlsStream& data) {
    const bool resumed = data.is_resumed();
    metrics::count(resumed ? metrics::Counter::tls_backend_data_handshakes_resumed
                           : metrics::Counter::tls_backend_data_handshakes_full);
    const auto now = signal_->loop().now();
    const bool can_avoid = contact_.tls_client->may_avoid_tls_1_3() && !known().avoids_tls_1_3(now);
    if (resumed || !data.is_tls_1_3() || !can_avoid) return;
    log::info("backend does not resume TLS 1.3 sessions: using TLS 1.2 from its next connection on",
              {{"backend", base::to_string(address())}});
    known().set_avoids_tls_1_3(now + avoiding_time);
}

std::unique_ptr<net::Stream> Leg::take_stream() {
    if (!control_.received().empty()) return nullptr;
    auto stream = control_.take_stream();
    stream->attach(nullptr);
    return stream;
}

base::Error Leg::lost(std::error_code code, std::string_view doing) const {
    return {base::fault_of(code, base::Fault::backend), code,
            fmt::format("{} {}", doing, base::to_string(control_.peer()))};
}

/// Why nothing can be sent. Empty: the next command may be sent.
std::optional<base::Error> Leg::loss_before_sending() {
    auto said = drop_unasked();
    if (!said) return std::nullopt;
    if (!*said) return std::move(said->error());
    return refusal(base::to_string(address()) + " sent an unexpected", **said);
}

loop::Task<base::Result<>> Leg::send(base::WipedString line) {
    if (auto lost = loss_before_sending()) co_return std::unexpected(std::move(*lost));
    co_return co_await send_meanwhile(std::move(line));
}

loop::Task<base::Result<>> Leg::send_several(const std::vector<std::string>& lines) {
    if (auto lost = loss_before_sending()) co_return std::unexpected(std::move(*lost));
    co_return co_await write_several(lines);
}

loop::Task<base::Result<>> Leg::write_several(const std::vector<std::string>& lines) {
    std::string all;
    for (const auto& line : lines) {
        note_sent(line);
        all.append(line).append("\r\n");
    }
    co_return co_await control_.send(all, base::Fault::backend,
                                     signal_->loop().after(settings().reply_timeout));
}

void Leg::note_sent(std::string_view line) {
    owed_ += line == "ABOR" ? abort_replies_max : 1;
    may_announce_ = true;
    if (ftp::transfers_file(line)) is_restart_armed_ = false;
    if (!log::enabled(log::Level::debug)) return;
    is_secret_answered_ = ftp::holds_secret(line);
    show("to the backend", ftp::loggable(line));
}

loop::Task<base::Result<>> Leg::send_meanwhile(base::WipedString line) {
    note_sent(line);
    line.append_wiped("\r\n");
    co_return co_await control_.send(line, base::Fault::backend,
                                     signal_->loop().after(settings().reply_timeout));
}

base::Error Leg::endless() const {
    metrics::count(metrics::Counter::limit_reply_bytes);
    return lost({}, "an endless reply from");
}

std::optional<base::Result<ftp::Reply>> Leg::take(ftp::ReplyParser::Step step) {
    control_.consume(step.consumed);
    if (!step.reply) return std::nullopt;
    settle_at_ = loop::never;
    cut_at_ = loop::never;
    if (*step.reply) {
        if (log::enabled(log::Level::debug)) show_reply(**step.reply);
        return std::move(**step.reply);
    }
    switch (step.reply->error()) {
        case ftp::ReplyError::line_too_long:
        case ftp::ReplyError::reply_too_long: return std::unexpected(endless());
        case ftp::ReplyError::bad_code:
            return std::unexpected(lost({}, "an invalid FTP reply from"));
    }
    std::terminate();
}

void Leg::show(std::string_view message, std::string_view line) const {
    const auto backend = base::to_string(address());
    std::vector<log::Field> fields;
    if (!contact_.session.empty()) fields.push_back({"session", contact_.session});
    fields.push_back({"backend", backend});
    fields.push_back({"line", line});
    log::write(log::Level::debug, message, fields);
}

void Leg::show_reply(const ftp::Reply& reply) const {
    if (is_secret_answered_) return show("from the backend", fmt::format("{} ***", reply.code));
    auto text = std::string_view(reply.text);
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    show("from the backend", ftp::escaped(text));
}

/// Counts replies owed. False if the backend has sent too many others.
bool Leg::is_within_bounds(const ftp::Reply& reply) {
    const auto is_spared = [&] { return unasked_.take(signal_->loop().now()); };
    if (reply.is_preliminary()) return std::exchange(may_announce_, false) || is_spared();
    if (owed_ == 0) return is_spared();
    --owed_;
    return true;
}

void Leg::note_unasked(const ftp::Reply& reply) {
    metrics::count(metrics::Counter::backend_replies_unasked);
    if (std::exchange(has_spoken_unasked_, true)) return;
    log::warning("backend sent an unexpected reply", {{"backend", base::to_string(address())},
                                                      {"session", contact_.session},
                                                      {"phase", "between commands"},
                                                      {"fault", to_string(base::Blame::backend)},
                                                      {"code", std::uint64_t{reply.code}},
                                                      {"text", reply.message()}});
}

std::optional<base::Result<ftp::Reply>> Leg::drop_unasked() {
    owed_ = 0;
    // Ask the system for bytes: the loop may not have reported them yet.
    while (auto said = poll(net::ControlConnection::Ask::anyway)) {
        if (!*said || (*said)->code == 421) return said;
    }
    drops_next_ = !control_.received().empty() && parser_.is_inside(control_.received());
    return std::nullopt;
}

std::optional<base::Result<ftp::Reply>> Leg::poll_reply() {
    return poll(net::ControlConnection::Ask::if_signalled);
}

std::optional<base::Result<ftp::Reply>> Leg::poll(net::ControlConnection::Ask ask) {
    for (;;) {
        auto said = take_reply(ask);
        if (!said || !*said) return said;
        const bool is_dropped = std::exchange(drops_next_, false);
        const bool is_unasked = is_dropped || (owed_ == 0 && (*said)->code != 421);
        const bool is_borne =
            is_dropped ? unasked_.take(signal_->loop().now()) : is_within_bounds(**said);
        if (!is_borne) {
            metrics::count(metrics::Counter::limit_replies_unasked);
            return std::unexpected(lost({}, "endless unexpected replies from"));
        }
        if (is_unasked) note_unasked(**said);
        if (!is_dropped) return said;
    }
}

std::optional<base::Result<ftp::Reply>> Leg::take_reply(net::ControlConnection::Ask ask) {
    // Parse before reading: several replies may have come at once, or a last one before the
    // connection's end.
    if (!control_.received().empty())
        if (auto taken = take(parser_.next(control_.received()))) return taken;
    if (signal_->loop().now() >= cut_at_) return std::unexpected(endless());
    const auto had = control_.received().size();
    const auto state =
        control_.receive(settings().reply_bytes_max + settings().reply_line_bytes_max, ask);
    if (state == net::Io::State::moved) {
        if (control_.received().substr(had).contains('\n')) line_at_ = signal_->loop().now();
        if (auto taken = take(parser_.next(control_.received()))) return taken;
        settle_at_ = parser_.may_settle(control_.received()) ? signal_->loop().after(settle_time)
                                                             : loop::never;
        if (cut_at_ == loop::never && parser_.begun_code() != 0)
            cut_at_ = signal_->loop().after(settings().reply_time_max);
        return std::nullopt;
    }
    if (settle_at_ <= signal_->loop().now())
        if (auto taken = take(parser_.settle(control_.received()))) return taken;
    if (state == net::Io::State::ended)
        return std::unexpected(lost(std::make_error_code(std::errc::connection_reset),
                                    "the control connection was closed by"));
    if (state == net::Io::State::failed)
        return std::unexpected(lost(control_.error(), "the control connection was lost to"));
    return std::nullopt;
}

std::uint16_t Leg::begun_code() const {
    return drops_next_ || owed_ == 0 ? 0 : parser_.begun_code();
}

std::string Leg::take_lines() {
    const auto code = begun_code();
    if (code < 200 || code == 421) return {};
    auto lines = parser_.take_lines(control_.received());
    control_.consume(lines.consumed);
    if (!lines.text.empty() && log::enabled(log::Level::debug)) show_reply({code, lines.text});
    return std::move(lines.text);
}

loop::Time::duration Leg::answer_time(std::string_view line) const {
    const auto& soon = settings().reply_timeout;
    const loop::Time::duration time =
        ftp::may_take_long(line) ? std::max(soon, settings().long_reply_timeout) : soon;
    return std::min(time, patience_max_);
}

base::Error Leg::late() const {
    return lost(std::make_error_code(std::errc::timed_out), "waiting for a reply from");
}

loop::Deadline Leg::last_words_until() {
    if (!contact_.is_left())
        last_words_until_ = loop::never;
    else if (last_words_until_ == loop::never)
        last_words_until_ = signal_->loop().after(last_words_time);
    return last_words_until_;
}

loop::Task<base::Result<ftp::Reply>> Leg::reply(loop::Deadline deadline) {
    for (;;) {
        if (auto polled = poll_reply()) co_return std::move(*polled);
        const auto cut_off = last_words_until();
        if (signal_->loop().now() >= cut_off) co_return std::unexpected(contact_.left(address()));
        control_.watch();
        (void)co_await signal_->wait(loop::sooner(loop::sooner(deadline, cut_off), poll_at()));
        if (signal_->loop().now() >= deadline) co_return std::unexpected(late());
    }
}

loop::Task<base::Result<Heard>> Leg::hear(loop::Time::duration patience, loop::Deadline latest,
                                          PartOf part_of) {
    // A backend with a long reply must not take turns from the rest of this thread.
    if (parser_.is_partly_taken()) {
        signal_->raise();
        (void)co_await signal_->wait(loop::never);
    }
    const auto began_at = signal_->loop().now();
    for (;;) {
        if (auto polled = poll_reply()) {
            if (!*polled) co_return std::unexpected(polled->error());
            co_return Heard{std::move(**polled), true};
        }
        const auto code = begun_code();
        const auto part = code == 0 ? Part::whole : part_of(code);
        if (part == Part::none) co_return std::unexpected(late());
        if (part == Part::lines)
            if (auto lines = take_lines(); !lines.empty())
                co_return Heard{{code, std::move(lines)}, false};
        const auto deadline = loop::sooner(std::max(began_at, line_at_) + patience, latest);
        if (signal_->loop().now() >= deadline) co_return std::unexpected(late());
        const auto cut_off = last_words_until();
        if (signal_->loop().now() >= cut_off) co_return std::unexpected(contact_.left(address()));
        control_.watch();
        (void)co_await signal_->wait(loop::sooner(loop::sooner(deadline, cut_off), poll_at()));
    }
}

loop::Task<base::Result<Heard>> Leg::hear(loop::Time::duration patience, bool in_lines) {
    const loop::Time::duration whole_time = settings().long_reply_timeout;
    const auto latest =
        in_lines ? loop::never : signal_->loop().after(std::max(patience, whole_time));
    const auto part = in_lines ? Part::lines : Part::whole;
    return hear(patience, latest, [part](std::uint16_t) { return part; });
}

loop::Task<base::Result<Heard>> Leg::ask(base::WipedString line, bool in_lines) {
    const auto patience = answer_time(line);
    has_asked_ = false;
    if (auto said = drop_unasked()) {
        if (!*said) co_return std::unexpected(said->error());
        co_return Heard{std::move(**said), true};
    }
    has_asked_ = true;
    if (auto sent = co_await send_meanwhile(std::move(line)); !sent)
        co_return std::unexpected(sent.error());
    co_return co_await hear(patience, in_lines);
}

loop::Task<base::Result<ftp::Reply>> Leg::command(base::WipedString line) {
    auto heard = co_await ask(std::move(line), false);
    if (!heard) co_return std::unexpected(std::move(heard.error()));
    co_return std::move(heard->reply);
}

loop::Task<base::Result<std::vector<ftp::Reply>>> Leg::abort_nothing() {
    if (auto learnt = co_await learn_noop(); !learnt) co_return std::unexpected(learnt.error());
    std::vector<ftp::Reply> replies;
    auto reply = co_await command("ABOR");
    const auto deadline = signal_->loop().after(settings().reply_timeout);
    while (reply) {
        replies.push_back(std::move(*reply));
        if (replies.back().code == 421) co_return replies;
        if (replies.size() > abort_replies_max)
            co_return std::unexpected(lost({}, "endless replies to ABOR from"));
        if (replies.size() == 1)
            if (auto sent = co_await send_meanwhile("NOOP"); !sent)
                co_return std::unexpected(sent.error());
        reply = co_await this->reply(deadline);
        if (reply && reply->code == known().noop_code()) co_return replies;
    }
    co_return std::unexpected(reply.error());
}

loop::Task<base::Result<ftp::Reply>> Leg::restart_at(std::uint64_t offset) {
    auto reply = co_await command(fmt::format("REST {}", offset));
    if (reply && reply->code == 350) is_restart_armed_ = offset != 0;
    co_return reply;
}

}  // namespace ballast::backend
