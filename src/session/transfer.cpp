// SPDX-License-Identifier: Apache-2.0
#include "session/transfer.h"

#include "base/ascii.h"
#include "guard/command_policy.h"
#include "metrics/counters.h"
#include "session/transfer_status.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <initializer_list>

namespace ballast::session {

namespace {

/// What a backend says in its 1xx beyond that it begins: RFC 1123 4.1.2.9 `FILE: name`, or lines
/// before the last. As inner lines of a later reply; empty: nothing.
std::string words_of(const ftp::Reply& reply) {
    const auto first = reply.text.substr(0, reply.text.find("\r\n"));
    const bool has_more = first.size() + 2 < reply.text.size();
    if (!has_more && reply.message().find("FILE:") == std::string_view::npos) return {};
    std::string lines;
    for (std::size_t at = 0; at < reply.text.size();) {
        const auto end = std::min(reply.text.find("\r\n", at), reply.text.size());
        auto line = std::string_view(reply.text).substr(at, end - at);
        // "150-" and "150 " before the words of each line.
        if (line.starts_with(std::to_string(reply.code))) line.remove_prefix(3);
        if (line.starts_with('-') || line.starts_with(' ')) line.remove_prefix(1);
        lines.append(" ").append(line).append("\r\n");
        at = end + 2;
    }
    return lines;
}

/// A TLS server's tickets may come on a data connection too, where an upload leaves them unread.
void take_tickets(net::Stream& stream) {
    std::array<char, 4096> dropped;  // NOLINT: filled by read
    for (int reads = 0; reads < 4; ++reads)
        if (stream.read(dropped).state != net::Io::State::moved) return;
}

/// RFC 4217 10.2: TLS on the data connection failed or is not what was demanded.
constexpr std::uint16_t refused_tls_code = 522;

/// How many STATs a backend is asked at once; more of them wait for the end.
constexpr std::uint32_t status_owed_max = 4;

/// How many replies, STAT's among them, may come between ABOR and the answer to the NOOP behind it.
constexpr int replies_to_noop_max = 16;

/// How long a server may take to say that its data were reset before it hears ABOR: pyftpdlib
/// 1.5.7 says nothing at all of data that were reset before it had begun.
constexpr auto broken_reply_time = std::chrono::seconds(1);

/// How long a server must be silent for its last reply to be taken for the answer to NOOP.
constexpr auto guess_time = std::chrono::seconds(1);

/// How many commands one client may send ahead in one turn.
constexpr int commands_in_a_row = 16;

/// How long the two ends of a killed client may come apart.
constexpr int end_grace_round_trips = 3;
constexpr loop::Time::duration end_grace_max = std::chrono::seconds(1);

/// How long the end of a download's data may come after the reply that refuses it.
constexpr auto refused_end_time = std::chrono::milliseconds(250);

}  // namespace

Transfer::Transfer(Parts parts, std::string line, ftp::Direction direction,
                   std::optional<std::uint64_t> restart)
    : parts_(std::move(parts)), line_(std::move(line)), direction_(direction), restart_(restart) {
    outcome_.direction = direction;
}

/// What is still open was not concluded: nobody may take its end for a proper one.
Transfer::~Transfer() {
    relaying_.cancel();
    dialing_.cancel();
    if (dialed_ && *dialed_ && **dialed_) (**dialed_)->reset();
    if (client_stream_) client_stream_->reset();
    if (backend_stream_) backend_stream_->reset();
}

loop::Task<Outcome> Transfer::run() {
    const auto started = loop().now();
    // Nothing is asked of the client's data address twice: whatever comes of it, it is spent.
    const bool is_begun =
        co_await open_connections() && co_await secure_client_first() && co_await begin();
    if (is_begun) co_await carry();
    if (!is_begun || outcome_.result == Result::not_a_transfer) give_back_data();
    outcome_.time = loop().now() - started;
    outcome_.has_begun = is_begun_;
    outcome_.bytes = report_.bytes_delivered;
    if (outcome_.result != Result::not_a_transfer) {
        parts_.client_data.clear();
        parts_.backend.forget_data();
    } else if (parts_.client_data.lease) {
        parts_.client_data.lease->keep_no_longer();
    }
    co_return std::move(outcome_);
}

/// The backend has its data connection by the client's own words, and none of them has used it.
void Transfer::give_back_data() {
    if (parts_.backend.follows_client() && !outcome_.backend_is_lost)
        parts_.backend.give_back({std::move(backend_stream_), std::move(backend_lease_)});
}

/// Both data connections, as far as they can be opened before the backend is told what to move: a
/// client that cannot be reached must not cost the backend a truncated file.
loop::Task<bool> Transfer::open_connections() {
    if (!parts_.client_data.is_set())
        co_return co_await refuse(425, "Say PASV, EPSV, PORT or EPRT first.");
    if (parts_.client_tls == nullptr && parts_.client_data.handshake.is_started())
        co_return co_await refuse(425, "PROT has changed: set up the data connection anew.");
    if (parts_.client_data.lease) {
        if (!parts_.client_data.lease->keep())
            co_return co_await refuse(425, "Say PASV or EPSV again: the port has expired.");
        parts_.client_data.lease->attach(&parts_.signal);
    }
    // Where the backend follows the client, its refusal comes before its data connection does.
    if (parts_.client_data.active && !is_tentative() &&
        (!parts_.backend.follows_client() || is_secured_first()))
        dialing_ = loop::Job::start(dial_client(loop().after(parts_.settings.data_connect_timeout)),
                                    &parts_.signal);

    if (!co_await protect_backend()) co_return false;
    auto opened = co_await parts_.backend.open_data();
    if (!opened) {
        const auto& refusal = opened.error();
        if (refusal.control_is_lost) {
            lose_backend(refusal.error);
            co_return co_await refuse(451, "The connection to the server was lost.");
        }
        const std::string_view words =
            refusal.reply ? refusal.reply->message() : "the server's data port cannot be reached.";
        outcome_.reason = base::to_string(refusal.error);
        co_return co_await refuse(425, fmt::format("No data connection: {}", words));
    }
    backend_stream_ = std::move(opened->stream);
    backend_lease_ = std::move(opened->lease);
    if (backend_lease_) backend_lease_->attach(&parts_.signal);
    if (dialing_.is_started() && !co_await wait_for_dial()) co_return false;
    co_return true;
}

/// The backend's data connection as its settings demand it, before any is asked for.
loop::Task<bool> Transfer::protect_backend() {
    protects_backend_ = parts_.backend.shall_protect_data(parts_.client_tls != nullptr);
    const auto refusal = co_await parts_.backend.protect_data(protects_backend_);
    if (!refusal) co_return true;
    if (refusal->control_is_lost) {
        lose_backend(refusal->error);
        co_return co_await refuse(451, "The connection to the server was lost.");
    }
    const char* const remedy = protects_backend_
                                   ? "set data = \"never\" in its tls table if its data "
                                     "connections may go in plain text"
                                   : "set data = \"always\" in its tls table";
    outcome_.reason = fmt::format("{}: {}", base::to_string(refusal->error), remedy);
    outcome_.tls_was_refused = true;
    co_return co_await refuse(refused_tls_code,
                              "The server refuses this protection of data connections.");
}

bool Transfer::has_client_connection() const {
    return client_stream_ || parts_.client_data.handshake.is_started();
}

bool Transfer::is_verb(std::initializer_list<std::string_view> verbs) const {
    const auto said = std::string_view(line_).substr(0, line_.find(' '));
    return std::ranges::any_of(
        verbs, [&](std::string_view verb) { return base::is_same_but_for_case(said, verb); });
}

/// The time that the client has begins when it is known to have been told to begin.
void Transfer::start_client_handshake() {
    if (parts_.client_tls == nullptr) return;
    auto& handshake = parts_.client_data.handshake;
    if (client_stream_ && !client_is_secured_ && !handshake.is_started())
        parts_.client_data.begin_tls(std::move(client_stream_), *parts_.client_tls, parts_.signal);
    if (handshake.is_started() && client_tls_deadline_ == loop::never)
        client_tls_deadline_ = loop().after(parts_.settings.tls->handshake_timeout);
}

void Transfer::start_backend_handshake() {
    if (!protects_backend_ || backend_is_secured_ || !backend_stream_) return;
    backend_handshake_.start(
        parts_.backend.wrap_data(std::move(backend_stream_)), base::Fault::backend,
        loop().after(parts_.backend.tls_settings().handshake_timeout), parts_.signal);
}

/// What is wrong with the client's data connection after its handshake; empty: nothing.
std::string Transfer::client_tls_problem() {
    auto& handshake = parts_.client_data.handshake;
    if (!*handshake.result()) return base::to_string(handshake.result()->error());
    const bool demands_reuse = parts_.settings.tls->session_reuse == config::SessionReuse::required;
    if (demands_reuse && !handshake.stream().is_resumed())
        return "the data connection must resume the control connection's TLS session";
    return {};
}

void Transfer::judge_client_handshake() {
    auto& handshake = parts_.client_data.handshake;
    if (data_ != Data::waiting || client_stream_ || !handshake.is_started()) return;
    if (!handshake.result()) {
        if (loop().now() >= client_tls_deadline_)
            break_data(refused_tls_code, "the TLS handshake took too long");
        return;
    }
    const auto problem = client_tls_problem();
    if (!*handshake.result())
        metrics::count(metrics::Counter::tls_handshakes_failed);
    else
        metrics::count(handshake.stream().is_resumed()
                           ? metrics::Counter::tls_data_handshakes_resumed
                           : metrics::Counter::tls_data_handshakes_full);
    if (!problem.empty()) return break_data(refused_tls_code, problem);
    client_tls_deadline_ = loop::never;
    client_stream_ = handshake.take();
    client_is_secured_ = true;
}

void Transfer::judge_backend_handshake() {
    if (data_ != Data::waiting || backend_stream_ || !backend_handshake_.result()) return;
    if (!*backend_handshake_.result()) {
        metrics::count(metrics::Counter::tls_backend_handshakes_failed);
        return break_data(425, base::to_string(backend_handshake_.result()->error()));
    }
    auto stream = backend_handshake_.take();
    backend_is_secured_ = true;
    parts_.backend.note_data_handshake(*stream);
    backend_stream_ = std::move(stream);
}

/// Whether the client's handshake is judged before the backend hears of the transfer. STOU replaces
/// nothing, and its client needs the name in the backend's own 150.
bool Transfer::is_secured_first() const {
    return parts_.client_tls != nullptr && direction_ == ftp::Direction::upload &&
           !is_verb({"STOU"}) &&
           parts_.settings.tls->session_reuse == config::SessionReuse::required;
}

/// An upload whose data connection would be refused shall not cost the backend the file that it
/// replaces: where reuse of the session is required, the client is told to begin (150 is ours then)
/// and its handshake is judged before the backend hears of the upload.
loop::Task<bool> Transfer::secure_client_first() {
    if (is_tentative()) co_return true;
    // A handshake that was done before the command is judged now, whatever the command.
    if (parts_.client_tls != nullptr && parts_.client_data.handshake.result()) {
        judge_client_handshake();
        if (data_ == Data::broken) co_return co_await refuse_client_tls();
        co_return true;
    }
    if (!is_secured_first()) co_return true;
    co_await answer(ftp::make_reply(150, "Ready for the data connection."));
    has_said_150_ = true;
    const auto deadline = loop().after(parts_.settings.data_connect_timeout);
    for (;;) {
        co_await take_commands();
        if (abort_wanted_) co_return co_await refuse_abort();
        if (parts_.client_data.lease && parts_.client_data.lease->has_arrived())
            client_stream_ = parts_.client_data.lease->take();
        start_client_handshake();
        judge_client_handshake();
        if (client_is_secured_) co_return true;
        if (data_ == Data::broken) co_return co_await refuse_client_tls();
        if (client_vanished()) {
            reset_client_stream();
            co_return co_await refuse(425, "The control connection ended before the data.");
        }
        if (!has_client_connection() && loop().now() >= deadline) {
            metrics::count(metrics::Counter::data_connections_missing);
            reset_client_stream();
            co_return co_await refuse(425, "The client opened no data connection.");
        }
        if (parts_.client.may_poll() && !client_ended_) parts_.client.watch();
        (void)co_await parts_.signal.wait(has_client_connection() ? client_tls_deadline_
                                                                  : deadline);
    }
}

loop::Task<bool> Transfer::refuse_client_tls() {
    outcome_.tls_was_refused = true;
    outcome_.reason = broken_reason_;
    return refuse(refused_tls_code,
                  fmt::format("No TLS on the data connection: {}.", broken_reason_));
}

loop::Task<bool> Transfer::refuse_abort() {
    outcome_.result = Result::aborted;
    outcome_.reason = "ABOR";
    reset_client_stream();
    reset_backend_stream();
    co_await answer(ftp::make_reply(426, "Data connection closed; transfer aborted."));
    co_await answer(ftp::make_reply(226, "ABOR successful."));
    co_return false;
}

/// The source is the address that the control connection came to, and RFC 959's port if so set.
loop::Task<> Transfer::dial_client(loop::Deadline deadline) {
    const auto& source = parts_.settings.active_source_port;
    const auto control_port = parts_.client.local().port;
    std::uint16_t source_port = 0;
    if (source.kind == config::ActiveSource::Kind::fixed) source_port = source.port;
    if (source.kind == config::ActiveSource::Kind::below_control && control_port > 1)
        source_port = static_cast<std::uint16_t>(control_port - 1);
    net::Dial dial{.to = *parts_.client_data.active,
                   .from = {},
                   .source_port = source_port,
                   .fault = base::Fault::client};
    // An address of the other family cannot be reached from ours.
    if (dial.to.ip.family() == parts_.client.local().ip.family())
        dial.from = parts_.client.local().ip;
    dialed_ = co_await parts_.network.dial(dial, deadline);
}

loop::Task<bool> Transfer::wait_for_dial() {
    while (!dialing_.is_done()) (void)co_await parts_.signal.wait(loop::never);
    if (!*dialed_) {
        outcome_.reason = base::to_string(dialed_->error());
        metrics::count(metrics::Counter::data_connections_missing);
        co_return co_await refuse(425, fmt::format("No data connection to {}.",
                                                   base::to_string(*parts_.client_data.active)));
    }
    client_stream_ = std::move(**dialed_);
    co_return true;
}

/// The command itself, with REST right before it: some servers forget REST at any command between
/// (inetutils-ftpd). A refused REST refuses the transfer, which must not begin at 0.
loop::Task<bool> Transfer::begin() {
    if (auto learnt = co_await parts_.backend.learn_noop(); !learnt) {
        lose_backend(learnt.error());
        co_return co_await refuse(451, "The connection to the server was lost.");
    }
    if (restart_) {
        const auto reply = co_await parts_.backend.restart_at(*restart_);
        if (!reply) {
            lose_backend(reply.error());
            co_return co_await refuse(451, "The connection to the server was lost.");
        }
        if (reply->is_negative()) co_return co_await refuse(*reply);
        if (reply->code != 350) co_return co_await refuse(451, "The server ignored REST.");
        parts_.backend.known().set_accepts_rest();
    }
    if (auto sent = co_await parts_.backend.send(line_); !sent) {
        lose_backend(sent.error());
        co_return co_await refuse(451, "The connection to the server was lost.");
    }
    await_reply(parts_.backend.answer_time(line_));
    co_return true;
}

/// Everything at once, until the end is decided: replies of the backend, commands of the client,
/// the client's data connection, the bytes.
loop::Task<> Transfer::carry() {
    for (;;) {
        co_await take_replies();
        co_await take_commands();
        if (is_tentative() && final_reply_ && !is_begun_) {
            outcome_.result = Result::not_a_transfer;
            co_await answer(*final_reply_);
            co_return co_await answer_late_abort();
        }
        if (abort_wanted_ && is_begun_) co_return co_await abort();
        take_backend_data();
        take_client_data();
        if (may_move()) {
            start_client_handshake();
            start_backend_handshake();
            judge_client_handshake();
            judge_backend_handshake();
        }
        start_relay();
        judge_relay();
        judge_client();
        settle_broken_download();
        const bool is_late =
            abort_due_at_ <= loop().now() && final_missing_.empty() && !final_reply_;
        if (abort_is_due_ || is_late) co_await abort_broken_transfer();
        if (std::exchange(abort_is_due_, false)) reset_backend_stream();
        const auto ending = ending_of(end_state());
        if (ending != Ending::not_yet && hears_backend() && final_reply_) {
            co_await settle_status();
            continue;
        }
        if (ending != Ending::not_yet) co_return co_await conclude(ending);
        if (judge_deadlines()) continue;
        watch();
        (void)co_await parts_.signal.wait(next_deadline());
    }
}

loop::Task<> Transfer::take_replies() {
    while (hears_backend()) {
        auto polled = parts_.backend.poll_reply();
        if (!polled) {
            (void)co_await pass_lines();
            co_return;
        }
        if (*polled) {
            co_await take_reply(std::move(**polled));
        } else if (final_reply_) {
            outcome_.backend_is_lost = true;
            status_owed_ = 0;
        } else {
            lose_backend(polled->error());
        }
    }
}

loop::Task<> Transfer::take_preliminary(ftp::Reply reply) {
    if (is_begun_ && status_owed_ > 0) status_has_begun_ = true;
    if (!is_begun_) {
        reply_deadline_ = loop::never;
        connect_deadline_ = loop().after(parts_.settings.data_connect_timeout);
    }
    is_begun_ = true;
    // One goes with each STAT; a backend that goes on announcing is not kept.
    if (final_reply_) {
        if (status_replies_.size() < 2 * status_owed_max)
            status_replies_.push_back(std::move(reply));
    }
    // The client has been told by us, and a second 1xx is for nobody: what it says comes later.
    else if (std::exchange(has_said_150_, false))
        said_by_backend_ = words_of(reply);
    else
        co_await answer(std::move(reply));
}

/// Each STAT that was passed on is owed one reply, whatever its code, and the transfer's end its
/// own. Some servers answer STAT at once, some behind the transfer.
loop::Task<> Transfer::take_reply(ftp::Reply reply) {
    if (reply.is_preliminary()) co_return co_await take_preliminary(std::move(reply));
    if (status_owed_ == 0) {
        // STAT's own answer: what was taken for it has ended the transfer.
        if (doubtful_ && is_status_code(reply.code)) {
            set_final(std::move(*std::exchange(doubtful_, {})));
            final_is_told_ = true;
            co_return co_await answer(std::move(reply));
        }
        co_return set_final(std::move(reply));
    }
    const bool ends_status = status_has_begun_ && reply.code != 421;
    if (final_reply_) {
        --status_owed_;
        status_has_begun_ = false;
        if (final_is_told_) co_return co_await answer(std::move(reply));
        if (ends_status || !ends_transfer(reply.code)) {
            status_replies_.push_back(std::move(reply));
            co_return;
        }
        // Two that may end a transfer: the later one does.
        std::swap(reply, *final_reply_);
        co_return co_await answer(std::move(reply));
    }
    // A server that has given up moves nothing more: until then it is STAT's file that is missing.
    const bool is_pending = data_ != Data::whole && data_ != Data::broken;
    const bool may_be_refusal =
        reply.is_negative() && is_pending && reply.code != 421 && reply.code != 425;
    if (!ends_status && !is_status_code(reply.code) && !may_be_refusal)
        co_return set_final(std::move(reply));
    --status_owed_;
    status_has_begun_ = false;
    if (may_be_refusal && !ends_status && !is_status_code(reply.code)) doubtful_ = reply;
    co_await answer(std::move(reply));
}

void Transfer::await_reply(loop::Time::duration time) {
    reply_time_ = time;
    reply_deadline_ = loop().after(time);
}

/// Something that the backend says is still waited for. Behind the transfer's end the answer to a
/// STAT waits for the client to be told that end.
bool Transfer::hears_backend() const {
    return (!final_reply_ || status_owed_ > 0) && final_missing_.empty() && !status_follows_;
}

void Transfer::set_final(ftp::Reply reply) {
    final_reply_ = std::move(reply);
    reply_deadline_ = loop::never;
    if (!is_begun_ && final_reply_->is_positive())
        connect_deadline_ = loop().after(parts_.settings.data_connect_timeout);
}

/// ABOR and STAT must reach the backend at once (RFC 959 4.1.3); all else, QUIT too, waits.
loop::Task<> Transfer::take_commands() {
    // What came before the data's end may be looked at only after it.
    const bool had_more_commands = has_more_commands_;
    has_more_commands_ = false;
    for (int taken = 0; parts_.client.may_poll() && !client_ended_; ++taken) {
        if (taken == commands_in_a_row) {
            // The others on this thread have their turn first.
            has_more_commands_ = true;
            parts_.signal.raise();
            co_return;
        }
        auto event = parts_.client.poll(is_client_data_over() ? ClientLeg::Ask::anyway
                                                              : ClientLeg::Ask::if_signalled);
        if (!event) co_return;
        if (event->kind == ClientEvent::Kind::ended || event->kind == ClientEvent::Kind::lost) {
            client_ended_ = true;
            if (event->kind == ClientEvent::Kind::lost) outcome_.client_is_lost = true;
        } else if (event->command.verb == "ABOR" && !abort_wanted_) {
            // A second one waits like any other command, and has its own answer then.
            abort_wanted_ = true;
            co_return;
        } else if (event->command.verb == "STAT" && is_begun_ && !final_reply_ &&
                   status_owed_ < status_owed_max &&
                   !guard::refusal_of(parts_.settings, "STAT", event->command.argument)) {
            if (auto sent = co_await parts_.backend.send_meanwhile(event->command.line); !sent)
                lose_backend(sent.error());
            ++status_owed_;
        } else {
            // A client that says QUIT after its data has finished them.
            if (event->command.verb == "QUIT" && is_client_data_over() && !had_more_commands)
                is_end_confirmed_ = true;
            parts_.client.defer(std::move(*event));
        }
    }
    // No more is read of a client that has said too much, but at an upload's end it must be known
    // whether it is there.
    if (!client_ended_ && is_client_data_over()) client_ended_ = parts_.client.has_left();
}

void Transfer::take_client_data() {
    if (has_client_connection() || data_ == Data::broken || (is_tentative() && !is_begun_)) return;
    auto& wanted = parts_.client_data;
    if (wanted.lease && wanted.lease->has_arrived()) client_stream_ = wanted.lease->take();
    if (!wanted.active || !may_move()) return;
    // As without Ballast: a backend that gives up after its 1xx has opened no connection.
    if (parts_.backend.follows_client() && backend_lease_) return;
    if (!dialing_.is_started()) {
        dialing_ = loop::Job::start(dial_client(connect_deadline_), &parts_.signal);
    } else if (dialing_.is_done() && dialed_) {
        if (*dialed_) {
            client_stream_ = std::move(**dialed_);
        } else {
            metrics::count(metrics::Counter::data_connections_missing);
            break_data(425, base::to_string(dialed_->error()));
        }
        dialed_.reset();
    }
}

/// An active backend connects with its 1xx or before it; it has a while from then on. With
/// `as-client` it has as long as the client, who is dialled only then.
void Transfer::take_backend_data() {
    if (!backend_lease_ || data_ != Data::waiting) return;
    const bool leads_client = parts_.backend.follows_client() && !has_client_connection();
    if (backend_lease_->has_arrived()) {
        backend_stream_ = backend_lease_->take();
        backend_lease_.reset();
        backend_connect_deadline_ = loop::never;
        if (leads_client) connect_deadline_ = loop().after(parts_.settings.data_connect_timeout);
    } else if (may_move()) {
        const auto time = leads_client && !final_reply_ ? parts_.settings.data_connect_timeout
                                                        : parts_.backend.settings().connect_timeout;
        backend_connect_deadline_ = loop::sooner(backend_connect_deadline_, loop().after(time));
        if (leads_client) connect_deadline_ = loop::never;
    }
}

/// The backend has begun (some servers say no 1xx for an empty file).
bool Transfer::may_move() const {
    return data_ == Data::waiting && (is_begun_ || (final_reply_ && final_reply_->is_positive()));
}

void Transfer::start_relay() {
    report_.moved = parts_.byte_count;
    if (!may_move()) return;
    if (has_client_connection()) connect_deadline_ = loop::never;
    const bool is_client_ready = client_stream_ && (!parts_.client_tls || client_is_secured_);
    const bool is_backend_ready = backend_stream_ && (!protects_backend_ || backend_is_secured_);
    if (!is_client_ready || !is_backend_ready) return;
    data_ = Data::moving;
    connect_deadline_ = loop::never;
    const relay::Pace pace(parts_.settings.data_stall_timeout, parts_.settings.data_stall_bytes,
                           parts_.throttle);
    switch (direction_) {
        case ftp::Direction::download:
            relaying_ = loop::Job::start(
                relay::relay_one_way(loop(), *backend_stream_, *client_stream_, pace, report_),
                &parts_.signal);
            break;
        case ftp::Direction::upload:
            relaying_ = loop::Job::start(
                relay::relay_one_way(loop(), *client_stream_, *backend_stream_, pace, report_),
                &parts_.signal);
            break;
        case ftp::Direction::unknown:
        case ftp::Direction::none:
            relaying_ =
                loop::Job::start(relay::relay_both_ways(loop(), *backend_stream_, *client_stream_,
                                                        pace, report_, parts_.signal),
                                 &parts_.signal);
            break;
    }
}

/// Under TLS only close_notify tells the end of the data from the end of their sender; many peers
/// leave it out, and then the end is worth what it is worth in plain text. False if that is not
/// enough here.
bool Transfer::is_end_trusted(bool is_protected, bool is_vouched_for) {
    if (!is_protected || is_vouched_for) return true;
    if (!std::exchange(bare_end_is_counted_, true))
        metrics::count(metrics::Counter::data_ends_without_close_notify);
    return !(parts_.settings.tls && parts_.settings.tls->strict_close);
}

/// The upload's end, passed on. TLS may have to wait for room to say it.
void Transfer::end_upload() {
    // 2xx for an upload whose end the server cannot have seen vouches for nothing.
    if (final_reply_ && final_reply_->is_positive())
        return break_data(451, "the server confirmed the upload before its end");
    switch (backend_stream_->finish()) {
        case net::Io::State::moved:
            data_ = Data::whole;
            await_reply(parts_.backend.settings().final_reply_timeout);
            return;
        case net::Io::State::would_block:
            if (data_ != Data::ending) end_due_ = loop().after(parts_.settings.data_stall_timeout);
            data_ = Data::ending;
            backend_stream_->attach(&parts_.signal);
            backend_stream_->watch_writable();
            if (loop().now() >= end_due_) break_data(426, "no data moved for too long");
            return;
        case net::Io::State::ended:
        case net::Io::State::failed:
            return break_data(426, "the server closed the data connection");
    }
}

void Transfer::judge_relay() {
    if (data_ == Data::ending) return end_upload();
    if (data_ != Data::moving) return;
    if (!relaying_.is_done()) return judge_other_way();
    const bool uploads = direction_ == ftp::Direction::upload;
    const auto with_error = [&](const char* text) {
        return report_.error ? fmt::format("{}: {}", text, report_.error.message())
                             : std::string(text);
    };
    switch (report_.end) {
        case relay::End::source_ended:
            if (!is_end_trusted(uploads ? parts_.client_tls != nullptr : protects_backend_,
                                report_.is_vouched_for))
                return break_data(426, "the data ended without TLS close_notify");
            if (uploads) {
                if (!report_.is_vouched_for && client_vanished())
                    return break_data(426,
                                      "the client's control connection ended during the upload");
                // A killed client's kernel ends its data like a finished client does, and its
                // control connection a moment before or after: wait that moment before the end is
                // passed on.
                if (!report_.is_vouched_for && !is_end_settled()) return;
                return end_upload();
            }
            data_ = Data::whole;
            // Some servers send their 226 only when our side has ended too.
            (void)backend_stream_->finish();
            backend_stream_.reset();
            await_reply(parts_.backend.settings().final_reply_timeout);
            return;
        case relay::End::source_failed:
            return break_data(426, with_error(uploads ? "the client broke the data connection"
                                                      : "the server broke the data connection"));
        case relay::End::sink_failed:
            return break_data(426, with_error(uploads ? "the server closed the data connection"
                                                      : "the client closed the data connection"));
        case relay::End::stalled:
        case relay::End::running: return break_data(426, "no data moved for too long");
    }
}

/// The client's end of a transfer that may be an upload: believed as an upload's is.
void Transfer::judge_other_way() {
    if (!report_.other_way_ended || other_way_is_over_) return;
    const bool is_vouched_for = report_.other_way_is_vouched_for;
    if (!is_end_trusted(parts_.client_tls != nullptr, is_vouched_for))
        return break_data(426, "the data ended without TLS close_notify");
    if (!is_vouched_for && client_vanished())
        return break_data(426, "the client's control connection ended during the transfer");
    if (!is_vouched_for && !is_end_settled()) return;
    const bool is_passed_on = backend_stream_->finish() != net::Io::State::would_block;
    // The relay watches the stream: its turns are not ours.
    constexpr auto retry_time = std::chrono::milliseconds(20);
    other_way_is_over_ = is_passed_on;
    end_due_ = is_passed_on ? loop::never : loop().after(retry_time);
}

/// Whether the client has had its time to turn out to be gone.
bool Transfer::is_end_settled() {
    if (end_due_ == loop::never) end_due_ = loop().after(end_grace());
    if (has_more_commands_) return false;
    return is_end_confirmed_ || loop().now() >= end_due_;
}

/// How long the end of a client's control connection may come after its data's. On the way one of
/// the two may be overtaken, or lost and sent again, which takes a multiple of the round trip.
loop::Time::duration Transfer::end_grace() const {
    const loop::Time::duration grace = parts_.settings.upload_end_grace;
    if (grace == loop::Time::duration::zero()) return grace;
    const loop::Time::duration on_the_way = end_grace_round_trips * parts_.client.round_trip();
    return std::max(grace, std::min(on_the_way, end_grace_max));
}

/// The client's direction of the data has ended; it may be the only one.
bool Transfer::is_client_data_over() const {
    return relaying_.is_done() || report_.other_way_ended;
}

/// Its control connection ended, and it did not say QUIT after its data. A QUIT before their end
/// says nothing of them: a client may send it ahead and be killed in the upload.
bool Transfer::client_vanished() const { return client_ended_ && !is_end_confirmed_; }

void Transfer::judge_client() {
    if (!client_vanished()) return;
    // Under TLS the data's own end will tell: what is still on its way may end with close_notify.
    const bool can_be_vouched_for = parts_.client_tls != nullptr;
    if (direction_ == ftp::Direction::upload && data_ == Data::moving && !can_be_vouched_for)
        break_data(426, "the client's control connection ended during the upload");
    if (data_ == Data::waiting && is_begun_ && !has_client_connection())
        break_data(425, "the client's control connection ended before its data");
}

/// True if a deadline has passed and something changed by it.
bool Transfer::judge_deadlines() {
    const auto now = loop().now();
    if (connect_deadline_ <= now && data_ == Data::waiting) {
        metrics::count(metrics::Counter::data_connections_missing);
        break_data(425, "the client opened no data connection");
        return true;
    }
    if (backend_connect_deadline_ <= now && data_ == Data::waiting) {
        break_data(425, "the server opened no data connection");
        return true;
    }
    if (reply_deadline_ <= now && final_missing_.empty()) {
        // A reply is not late while its lines come.
        const auto renewed = parts_.backend.line_at() + reply_time_;
        if (renewed > now && parts_.backend.begun_code() != 0) {
            reply_deadline_ = renewed;
            return false;
        }
        final_missing_ = "the server did not answer in time";
        if (own_code_ == 426 && data_ != Data::broken) own_code_ = 451;
        outcome_.backend_is_lost = true;
        return true;
    }
    return false;
}

EndState Transfer::end_state() const {
    EndState state;
    state.is_begun = is_begun_;
    if (data_ == Data::whole) state.data = EndState::Data::whole;
    if (data_ == Data::broken) state.data = EndState::Data::broken;
    if (!final_missing_.empty()) state.final_reply = EndState::Final::missing;
    if (final_reply_)
        state.final_reply =
            final_reply_->is_positive() ? EndState::Final::positive : EndState::Final::negative;
    return state;
}

/// Nobody may take this end for a proper one: both data connections are reset. The backend has its
/// reply time-out to say what it thinks of it.
void Transfer::break_data(std::uint16_t code, std::string reason) {
    relaying_.cancel();
    dialing_.cancel();
    reset_client_stream();
    // The backend of an upload that it has not broken itself hears ABOR first.
    const bool uploads = direction_ == ftp::Direction::upload;
    const bool has_confirmed = uploads && final_reply_ && final_reply_->is_positive();
    // Of an upload that it has refused behind its end there is nothing left to abort.
    const bool has_ended = final_reply_ && (!uploads || !backend_stream_ || data_ == Data::whole ||
                                            final_reply_->code == 421);
    const bool backend_listens =
        (is_begun_ || has_confirmed) && !has_ended && final_missing_.empty();
    abort_is_due_ = uploads && backend_listens && report_.end != relay::End::sink_failed;
    const bool has_begun_to_send = report_.bytes_taken > 0 || uploads || !backend_listens;
    if (!has_begun_to_send) {
        reset_due_at_ = loop().after(broken_reply_time);
        parts_.signal.raise();
    } else if (!abort_is_due_) {
        reset_broken_backend();
    }
    data_ = Data::broken;
    own_code_ = code;
    broken_reason_ = std::move(reason);
    connect_deadline_ = loop::never;
    await_reply(parts_.backend.settings().reply_timeout);
}

void Transfer::reset_broken_backend() {
    reset_due_at_ = loop::never;
    reset_backend_stream();
    if (is_begun_ && !final_reply_ && final_missing_.empty())
        abort_due_at_ = loop().after(broken_reply_time);
}

/// A server whose data connection was reset before it has accepted it may forget to end the
/// transfer, and give its file to the next one (pyftpdlib 1.5.7). Its first byte shows that it has.
void Transfer::settle_broken_download() {
    if (reset_due_at_ == loop::never) return;
    bool is_settled = final_reply_ || !final_missing_.empty() || loop().now() >= reset_due_at_;
    if (!backend_stream_) {
        is_settled = is_settled || !backend_handshake_.is_started() || backend_handshake_.result();
    } else if (!is_settled) {
        std::array<char, 1> first{};
        is_settled = backend_stream_->read(first).state != net::Io::State::would_block;
        backend_stream_->attach(&parts_.signal);
        if (!is_settled) backend_stream_->watch_readable();
    }
    if (is_settled) reset_broken_backend();
}

void Transfer::reset_client_stream() {
    if (client_stream_) client_stream_->reset();
    client_stream_.reset();
    parts_.client_data.handshake.reset();
}

void Transfer::reset_backend_stream() {
    if (backend_stream_) backend_stream_->reset();
    backend_stream_.reset();
    backend_handshake_.reset();
    backend_lease_.reset();
}

void Transfer::lose_backend(const base::Error& error) {
    final_missing_ = base::to_string(error);
    outcome_.backend_is_lost = true;
    if (data_ != Data::broken) own_code_ = data_ == Data::whole ? 451 : 426;
}

void Transfer::watch() {
    if (hears_backend()) parts_.backend.watch();
    if (!client_ended_ && parts_.client.may_poll()) parts_.client.watch();
}

loop::Deadline Transfer::next_deadline() const {
    auto deadline = reply_deadline_;
    if (!final_reply_) deadline = loop::sooner(deadline, abort_due_at_);
    deadline = loop::sooner(deadline, reset_due_at_);
    if (data_ == Data::waiting)
        for (const auto each : {connect_deadline_, backend_connect_deadline_, client_tls_deadline_})
            deadline = loop::sooner(deadline, each);
    if (hears_backend()) deadline = loop::sooner(deadline, parts_.backend.poll_at());
    if (data_ == Data::moving || data_ == Data::ending) deadline = loop::sooner(deadline, end_due_);
    return deadline;
}

loop::Task<> Transfer::conclude(Ending ending) {
    switch (ending) {
        case Ending::not_yet: break;
        case Ending::whole:
            // A client that has gone meanwhile has not got the end.
            if (!co_await finish_client() && direction_ == ftp::Direction::download) {
                break_data(426, "the client closed the data connection");
                co_return co_await conclude(Ending::failed);
            }
            outcome_.result = Result::whole;
            client_stream_.reset();
            if (backend_stream_) take_tickets(*backend_stream_);
            backend_stream_.reset();
            co_await tell_final();
            break;
        case Ending::refused:
            outcome_.result = Result::refused;
            outcome_.reason = fmt::format("{} {}", final_reply_->code, final_reply_->message());
            co_await tell_final();
            break;
        case Ending::failed_by_backend:
            // What the backend says of data that we refused tells the client nothing.
            if (own_code_ == refused_tls_code) co_return co_await conclude(Ending::failed);
            outcome_.reason = fmt::format("{} {}", final_reply_->code, final_reply_->message());
            if (!broken_reason_.empty()) outcome_.reason += " (" + broken_reason_ + ')';
            co_await end_refused_data();
            // An upload that the backend has refused, and may still be receiving.
            if (std::exchange(abort_is_due_, false) && !co_await abort_backend())
                outcome_.backend_is_lost = true;
            break;
        case Ending::failed: {
            outcome_.reason = broken_reason_.empty() ? final_missing_ : broken_reason_;
            const auto code = own_code_;
            if (data_ != Data::broken) break_data(code, outcome_.reason);
            co_await answer(
                ftp::make_reply(code, fmt::format("Transfer failed: {}.", outcome_.reason)));
            break;
        }
    }
    co_await pass_status_on();
    co_await answer_late_abort();
}

/// The backend's own end of the transfer, with what it said when the client was told by us.
loop::Task<> Transfer::tell_final() {
    if (std::exchange(final_is_told_, true)) co_return;
    if (said_by_backend_.empty()) co_return co_await answer(*final_reply_);
    co_await answer(
        {final_reply_->code, fmt::format("{}-The server said:\r\n{}{}", final_reply_->code,
                                         said_by_backend_, final_reply_->text)});
}

/// The backend has begun the transfer and then refused it.
loop::Task<> Transfer::end_refused_data() {
    if (data_ == Data::broken) co_return co_await tell_final();
    // Its data's end may come a moment after its reply.
    const auto deadline = loop().after(refused_end_time);
    while (direction_ == ftp::Direction::download && data_ == Data::moving &&
           loop().now() < deadline) {
        judge_relay();
        if (data_ == Data::moving) (void)co_await parts_.signal.wait(deadline);
    }
    if (is_refusal_harmless()) {
        // ProFTPD: LIST of what is not there, RETR of a directory.
        (void)co_await finish_client();
        client_stream_.reset();
        reset_backend_stream();
        co_return co_await tell_final();
    }
    // The reply first: many clients give up the session at a data connection that breaks.
    relaying_.cancel();
    co_await tell_final();
    if (data_ != Data::broken) break_data(426, {});
}

/// Whether the client loses nothing by a proper end of its data before the refusal: the backend
/// ended them properly, and they are a listing, or nothing at all. A file's part is never ended.
bool Transfer::is_refusal_harmless() const {
    if (direction_ != ftp::Direction::download || data_ != Data::whole) return false;
    if (final_reply_->code == 421 || final_reply_->code == 426) return false;
    return ftp::data_of(line_) == ftp::Data::listing || report_.bytes_taken == 0;
}

/// RFC 959: an ABOR that came as the transfer ended still has its answer due.
loop::Task<> Transfer::answer_late_abort() {
    if (!abort_wanted_) co_return;
    if (!parts_.backend.follows_client() || outcome_.backend_is_lost)
        co_return co_await answer(ftp::make_reply(226, "Nothing to abort any more."));
    auto replies = co_await parts_.backend.abort_nothing();
    if (!replies) co_return lose_backend(replies.error());
    for (auto& reply : *replies) co_await answer(std::move(reply));
}

/// Ends the client's data properly; false if it could not be done. TLS may have to wait for room.
loop::Task<bool> Transfer::finish_client() {
    const auto deadline = loop().after(parts_.settings.data_stall_timeout);
    for (;;) {
        const auto state = client_stream_->finish();
        if (state != net::Io::State::would_block) co_return state == net::Io::State::moved;
        client_stream_->attach(&parts_.signal);
        client_stream_->watch_writable();
        (void)co_await parts_.signal.wait(deadline);
        if (loop().now() >= deadline) co_return false;
    }
}

/// The client's ABOR, RFC 959 4.1.3.
loop::Task<> Transfer::abort() {
    outcome_.result = Result::aborted;
    outcome_.reason = "ABOR";
    relaying_.cancel();
    reset_client_stream();
    if (!co_await abort_backend()) outcome_.backend_is_lost = true;
    co_await pass_status_on();
    const auto broken = ftp::make_reply(426, "Data connection closed; transfer aborted.");
    const bool says_its_own = parts_.backend.follows_client() && !outcome_.backend_is_lost;
    // The end of the transfer may have come before ABOR; the client has not got its data whole.
    if (!says_its_own || final_reply_) co_await answer(broken);
    if (!says_its_own) co_return co_await answer(ftp::make_reply(226, "ABOR successful."));
    for (auto& reply : std::exchange(abort_replies_, {})) co_await answer(std::move(reply));
}

/// Makes the backend give up the transfer, and leaves its control connection without replies owed.
/// Servers answer ABOR with one, two or three replies; the NOOP behind the first is a fence: all
/// that comes before its answer belongs to ABOR. False if the backend is lost.
loop::Task<bool> Transfer::abort_backend() {
    const auto patience = status_owed_ > 0 ? parts_.backend.answer_time("STAT")
                                           : parts_.backend.settings().reply_timeout;
    is_aborting_ = true;
    status_follows_ = false;
    for (auto& reply : std::exchange(status_replies_, {})) co_await answer(std::move(reply));
    if (!co_await parts_.backend.send_meanwhile("ABOR")) co_return false;
    // It shall hear ABOR before its data breaks: a server that receives may take a reset for the
    // end of the file (pyftpdlib 1.5.7), and the reply to a reset may come before ABOR was read, so
    // that the NOOP would be read together with it (JFileServer). Others (vsftpd) hear it only
    // then.
    auto first = co_await next_reply(abort_time, loop().after(abort_time));
    reset_backend_stream();
    if (!first) first = co_await next_reply(patience);
    while (first && status_owed_ > 0 && is_status_code(first->code)) {
        --status_owed_;
        co_await answer(std::move(*first));
        first = co_await next_reply(patience);
    }
    if (!first || !co_await parts_.backend.send_meanwhile("NOOP")) co_return false;
    abort_replies_.push_back(std::move(*first));
    auto& known = parts_.backend.known();
    std::uint16_t last = 0;
    bool last_is_of_abort = false;
    for (int i = 0; i < replies_to_noop_max; ++i) {
        // Where nobody has asked yet what NOOP is answered with, the last of them all is the
        // answer.
        const bool is_guess = last != 0 && !known.knows_noop();
        auto reply = co_await next_reply(is_guess ? guess_time : patience);
        const bool is_quiet = !reply && is_guess && reply.error().code == std::errc::timed_out &&
                              !parts_.backend.is_partly_taken();
        if (is_quiet) {
            known.set_noop_code(last);
            if (last_is_of_abort) abort_replies_.pop_back();
        }
        if (!reply && !is_quiet) co_return false;
        if (is_quiet || reply->code == known.noop_code()) {
            // RFC 854: what was said before an interrupt may have been thrown away by it.
            for (; status_owed_ > 0; --status_owed_)
                co_await answer(ftp::make_reply(450, "The server did not tell its status."));
            co_return true;
        }
        last = reply->code;
        const bool is_of_status =
            status_owed_ > 0 && (is_status_code(reply->code) || !ends_transfer(reply->code));
        last_is_of_abort = !is_of_status && abort_replies_.size() < backend::Leg::abort_replies_max;
        if (is_of_status) {
            --status_owed_;
            co_await answer(std::move(*reply));
        } else if (last_is_of_abort) {
            abort_replies_.push_back(std::move(*reply));
        }
    }
    co_return false;
}

/// An upload that broke on the client's side: what the backend has of it is not the file. Or any
/// transfer that broke and of which the backend says nothing more.
loop::Task<> Transfer::abort_broken_transfer() {
    abort_is_due_ = false;
    abort_due_at_ = loop::never;
    reply_deadline_ = loop::never;
    if (!co_await abort_backend())
        lose_backend({base::Fault::backend, {}, "the server did not answer ABOR"});
    // A reply that has ended the transfer before keeps its own words.
    else if (!final_reply_)
        final_reply_ = ftp::make_reply(226, "Aborted.");
}

loop::Task<> Transfer::answer(ftp::Reply reply) {
    if (outcome_.client_is_lost) co_return;
    if (reply.code == 421) outcome_.service_is_over = true;
    if (co_await parts_.client.send(reply)) co_return;
    // It may be waiting for just this reply, and no word of its end will come.
    outcome_.client_is_lost = true;
    client_ended_ = true;
}

loop::Task<bool> Transfer::refuse(std::uint16_t code, std::string_view reason) {
    return refuse(ftp::make_reply(code, reason));
}

/// Before the command was sent. Always false, for `co_return co_await refuse(...)`.
loop::Task<bool> Transfer::refuse(ftp::Reply reply) {
    outcome_.result = Result::refused;
    if (outcome_.reason.empty())
        outcome_.reason = fmt::format("{} {}", reply.code, reply.message());
    co_await answer(std::move(reply));
    co_return false;
}

}  // namespace ballast::session
