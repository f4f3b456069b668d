// SPDX-License-Identifier: Apache-2.0
#include "session/transfer.h"

#include "backend/refusal.h"
#include "base/ascii.h"
#include "guard/command_policy.h"
#include "metrics/commands.h"
#include "metrics/counters.h"
#include "session/farewells.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

using Action = TransferAction;
using Kind = TransferEvent::Kind;
using Reason = TransferReason;

/// How many commands are taken from one client in one turn.
constexpr int commands_in_a_row = 16;

/// How long the refusal of a command may trail the end of the port for its data.
constexpr auto refusal_time = std::chrono::milliseconds(500);

/// How long ABOR may go unanswered while the server waits for a data connection (vsftpd hears
/// nothing then). Afterwards it is given up.
constexpr auto take_back_time = std::chrono::seconds(5);

/// The time between the ends of a killed client's two connections.
constexpr int end_grace_round_trips = 3;
constexpr loop::Time::duration end_grace_max = std::chrono::seconds(1);

/// Whether an action may wait for a peer, or shows the client an end that the 1xx must precede.
bool needs_release(Action action) {
    switch (action) {
        case Action::send_command:
        case Action::move_on:
        case Action::abort:
        case Action::abort_broken:
        case Action::break_client: return true;
        default: return false;
    }
}

TransferTerms terms_of(const Transfer::Parts& parts, std::string_view line,
                       ftp::Direction direction) {
    const auto& listener = parts.settings;
    const auto& pool = parts.backend.settings();
    const bool client_is_protected = parts.client_tls != nullptr;
    return {
        .direction = direction,
        .is_listing = ftp::data_of(line) == ftp::Data::listing,
        .client_is_protected = client_is_protected,
        .backend_is_protected = parts.backend.shall_protect_data(client_is_protected),
        // STOU replaces no file, and its client needs the name in the backend's own 150.
        .secures_client_first =
            client_is_protected && direction == ftp::Direction::upload &&
            !base::is_same_but_for_case(line.substr(0, line.find(' ')), "STOU") &&
            listener.tls->session_reuse == config::SessionReuse::required,
        .dials_client = parts.client_data.active.has_value(),
        .backend_leads = parts.backend.follows_client(),
        .is_close_strict = listener.tls && listener.tls->strict_close,
        .may_leave = parts.others != nullptr && parts.move.is_allowed,
        .client_connect_time = listener.data_connect_timeout,
        .client_tls_time = listener.tls ? listener.tls->handshake_timeout : std::chrono::seconds(0),
        .backend_connect_time = pool.connect_timeout,
        .stall_time = listener.data_stall_timeout,
        .reply_time = pool.reply_timeout,
        .final_reply_time = pool.final_reply_timeout,
        .failover_time = parts.move.timeout,
    };
}

}  // namespace

Transfer::Transfer(Parts parts, std::string line, ftp::Direction direction,
                   std::optional<std::uint64_t> restart)
    : parts_(std::move(parts)),
      line_(std::move(line)),
      direction_(direction),
      restart_(restart),
      answers_(parts_.client),
      client_end_(parts_.network, parts_.client, parts_.client_data, parts_.settings,
                  parts_.client_tls, parts_.signal),
      machine_(terms_of(parts_, line_, direction)) {
    outcome_.direction = direction;
    outcome_.course.client_is_active = client_end_.is_active();
    outcome_.course.client_is_protected = client_end_.is_protected();
    outcome_.course.restart = restart.value_or(0);
    report_.moved = parts_.byte_count;
    use(parts_.backend);
    // Bytes of TYPE A cannot be counted: such a file can be sent again only from its beginning.
    const auto& move = parts_.move;
    if (!move.is_allowed || (move.is_file && !move.is_binary)) return;
    continuation_.emplace();
    continuation_->trail = move.is_file ? relay::Trail::of_samples(move.sample_bytes)
                                        : relay::Trail::of_digest(move.sample_bytes);
    continuation_->goes_on = &parts_.signal;
    continuation_->file_offset = restart_.value_or(0);
}

/// The data of a former leg are reset.
void Transfer::use(backend::Leg& leg) {
    leg_ = &leg;
    replies_.emplace(leg, answers_, parts_.signal, is_tentative(), parts_.others != nullptr);
    backend_end_.emplace(leg, parts_.signal, parts_.client_tls != nullptr);
    line_is_sent_ = false;
}

loop::Task<TransferOutcome> Transfer::run() {
    started_ = loop().now();
    if (co_await learn_facts() && co_await prepare()) {
        co_await carry();
        note_outcome();
    }
    const bool is_unused = outcome_.reach == TransferReach::nowhere ||
                           outcome_.result == TransferResult::not_a_transfer;
    // The backend has its data connection because the client asked. No transfer has used it.
    if (is_unused && leg_->follows_client() && !replies_->backend_is_lost())
        backend_end_->give_back();
    outcome_.time = loop().now() - started_;
    outcome_.bytes = report_.bytes_delivered;
    note_course();
    if (replies_->backend_is_lost()) outcome_.after = AfterTransfer::backend_lost;
    if (answers_.service_is_over()) outcome_.after = AfterTransfer::service_over;
    if (answers_.client_is_lost()) outcome_.after = AfterTransfer::client_lost;
    // A transfer spends the client's data address, whatever its result.
    if (outcome_.result != TransferResult::not_a_transfer) {
        parts_.client_data.clear();
        leg_->forget_data();
    } else if (parts_.client_data.lease) {
        parts_.client_data.lease->keep_no_longer();
    }
    co_return std::move(outcome_);
}

TransferProgress Transfer::progress() const {
    return {.phase = machine_.phase(),
            .direction = direction_,
            .bytes = report_.bytes_delivered,
            .size = replies_->owed().announced_bytes(),
            .moving_since = moving_since_};
}

/// Opens both data connections, if that is possible before the backend gets the command. An
/// unreachable client must not cause a truncated file on the backend. False: refused.
loop::Task<bool> Transfer::prepare() {
    if (const auto problem = client_end_.claim(); !problem.empty()) {
        co_await refuse(425, problem);
        co_return false;
    }
    // If the backend follows the client, its refusal comes before its data connection.
    if (client_end_.is_active() && !is_tentative() &&
        (!leg_->follows_client() || machine_.secures_client_first()))
        client_end_.dial(loop().after(parts_.settings.data_connect_timeout));
    if (may_send_with_passive() && !co_await reach_client()) co_return false;
    if (!co_await open_backend()) co_return false;
    if (!co_await reach_client()) co_return false;
    if (backend_end_->is_expected()) tell({Kind::backend_expected});
    if (client_end_.is_connected()) tell({Kind::client_connected});
    if (client_end_.was_secured_early() && !is_tentative() && !line_is_sent_)
        tell({Kind::client_secured_early});
    co_return true;
}

/// Waits for the connection to a client that is dialled. False: it is unreachable, and refused.
loop::Task<bool> Transfer::reach_client() {
    if (!client_end_.is_dialling()) co_return true;
    co_await client_end_.dialled();
    if (client_end_.look() != ClientEnd::News::unreachable) co_return true;
    co_await refuse(425, fmt::format("Can't open data connection to {}.",
                                     base::to_string(*parts_.client_data.active)));
    outcome_.reason = client_end_.problem();
    co_return false;
}

/// Whether the command can go out with PASV or EPSV. An upload cannot: once begun it replaces the
/// file, even if no data connection opens. REST must be the last command before the transfer. A
/// handshake that the client has begun is judged before the command. Pure-FTPd may answer NLST
/// with options differently if it comes at once.
bool Transfer::may_send_with_passive() const {
    const auto verb = std::string_view(line_).substr(0, line_.find(' '));
    return base::is_same_but_for_case(verb, "RETR") && !restart_ &&
           !parts_.client_data.handshake.is_started() && !leg_->foreseen_passive().empty();
}

/// Opens the backend's data connection. Where that can be foreseen, the command goes out in one
/// write with PASV or EPSV, which saves both sides a packet and a wake-up.
loop::Task<std::optional<backend::DataRefusal>> Transfer::open_data() {
    if (const auto heard_at = std::exchange(parts_.heard_at, std::nullopt))
        co_return co_await open_heard(*heard_at);
    const bool awaits_client = client_end_.is_dialling() && !client_end_.is_connected();
    if (awaits_client || !may_send_with_passive()) co_return co_await backend_end_->open();
    if (auto learnt = co_await leg_->learn_noop(); !learnt)
        co_return backend::DataRefusal{{}, std::move(learnt.error()), true};
    // Other sessions may have met its ports meanwhile.
    const std::string passive(leg_->foreseen_passive());
    if (passive.empty()) co_return co_await backend_end_->open();
    auto questions = own_questions();
    auto lines = questions;
    lines.push_back(passive);
    lines.push_back(line_);
    if (auto refusal = co_await leg_->send_with_passive(lines)) co_return refusal;
    line_is_sent_ = true;
    if (auto heard = co_await hear_facts(std::move(questions)); !heard)
        co_return backend::DataRefusal{{}, std::move(heard.error()), true};
    auto refusal = co_await backend_end_->open_foreseen();
    if (refusal) co_await hear_refusal(*refusal);
    co_return refusal;
}

/// The backend has the command.
loop::Task<std::optional<backend::DataRefusal>> Transfer::open_heard(base::Address at) {
    line_is_sent_ = true;
    auto refusal = co_await backend_end_->open_at(at);
    if (refusal) co_await hear_refusal(*refusal);
    co_return refusal;
}

/// A server that refuses the command closes its port, perhaps before we reach it (ProFTPD).
loop::Task<> Transfer::hear_refusal(backend::DataRefusal& refusal) {
    if (refusal.reply || refusal.control_is_lost) co_return;
    auto reply = co_await leg_->reply(loop().after(refusal_time));
    if (!reply && reply.error().code == std::errc::timed_out) co_return;
    if (!reply) {
        refusal = {{}, std::move(reply.error()), true};
    } else if (reply->code == 421) {
        refusal.reply = std::move(*reply);
    } else if (reply->is_negative()) {
        leg_->known().restore_passive();
        line_refusal_ = std::move(*reply);
    }
}

/// The backend has the command, but no data connection for it.
loop::Task<> Transfer::take_back(backend::DataRefusal& refusal) {
    const bool is_over = refusal.reply && refusal.reply->code == 421;
    if (!line_is_sent_ || refusal.control_is_lost || is_over) co_return;
    if (!co_await replies_->abort(*backend_end_, take_back_time)) refusal.control_is_lost = true;
}

/// Protects the backend's data connection as the settings require, then opens it.
/// `is_for_tls`: the refusal is one of the protection.
loop::Task<std::optional<backend::DataRefusal>> Transfer::try_to_open_backend(bool& is_for_tls) {
    const auto due = loop().after(parts_.move.timeout);
    for (;;) {
        auto refusal = co_await backend_end_->protect();
        is_for_tls = refusal.has_value();
        if (!refusal) refusal = co_await open_data();
        if (!refusal || parts_.others == nullptr || line_refusal_) co_return refusal;
        auto lost = co_await loss_behind(*refusal);
        if (!lost) co_return refusal;
        if (!co_await move_before_sending(*lost, due))
            co_return backend::DataRefusal{{}, std::move(*lost), true};
    }
}

loop::Task<bool> Transfer::open_backend() {
    bool is_for_tls = false;
    auto refusal = co_await try_to_open_backend(is_for_tls);
    if (!refusal) {
        auto& course = outcome_.course;
        course.backend_is_active = backend_end_->is_expected();
        course.backend_is_protected = backend_end_->is_protected();
        if (!course.backend_is_active) course.backend_connected = since_start(loop().now());
        co_return true;
    }
    if (line_refusal_) {
        co_await refuse(std::move(*line_refusal_));
        co_return false;
    }
    leg_->count(metrics::BackendError::data);
    co_await take_back(*refusal);
    if (refusal->control_is_lost) {
        co_await refuse_for_lost_backend(refusal->error);
        co_return false;
    }
    auto why = base::to_string(refusal->error);
    if (refusal->reply && refusal->reply->code == 421) {
        // RFC 959 5.4: a server may answer any command with 421, and then closes.
        co_await refuse(std::move(*refusal->reply));
    } else if (is_for_tls) {
        co_await refuse(refused_tls_code,
                        "The server refuses this protection of data connections.");
        why += backend_end_->is_protected()
                   ? ": set data = \"never\" in its tls table if its data connections may go in "
                     "plain text"
                   : ": set data = \"always\" in its tls table";
        outcome_.cause = Reason::server_tls_refused;
    } else {
        const std::string_view words = refusal->reply ? refusal->reply->message()
                                                      : "the server's data port cannot be reached.";
        co_await refuse(425, fmt::format("Can't open data connection: {}", words));
    }
    outcome_.reason = std::move(why);
    co_return false;
}

/// Watches all events until the end is decided.
loop::Task<> Transfer::carry() {
    for (;;) {
        co_await gather();
        const bool has_acted = co_await act();
        if (machine_.is_over()) break;
        // An action may have used up the signal while it waited, so look at everything again.
        if (has_acted) continue;
        if (loop().now() >= answers_.release_at()) {
            co_await release();
            continue;
        }
        watch();
        auto deadline = loop::sooner(machine_.deadline(), wish_at());
        deadline = loop::sooner(deadline, answers_.release_at());
        if (replies_->is_awaited()) deadline = loop::sooner(deadline, leg_->poll_at());
        (void)co_await parts_.signal.wait(deadline);
    }
    co_await release();
    if (!machine_.is_sent() || machine_.result() == TransferResult::aborted) co_return;
    co_await replies_->tell_stats(machine_.data_are_pending());
    if (machine_.abort_is_wanted() && !answers_.service_is_over())
        co_await replies_->answer_late_abort();
}

/// Performs the machine's actions. False if there was none.
loop::Task<bool> Transfer::act() {
    bool has_acted = false;
    for (;;) {
        const auto action = machine_.next(loop().now());
        if (action == Action::wait || action == Action::done) co_return has_acted;
        co_await perform(action);
        note_replies();
        has_acted = true;
        // That may have taken long. Check whether the client has said ABOR meanwhile.
        if (action == Action::settle_replies) co_return true;
    }
}

// What has happened

void Transfer::end_by_operator() {
    tell({Kind::operator_ends});
    parts_.signal.raise();
}

void Transfer::tell(TransferEvent event) {
    const auto now = loop().now();
    if (event.kind == Kind::client_connected) outcome_.course.client_connected = since_start(now);
    if (event.kind == Kind::backend_connected) outcome_.course.backend_connected = since_start(now);
    machine_.on(event, now);
}

void Transfer::note_interjection(const ftp::Command& command) {
    if (parts_.story != nullptr)
        parts_.story->note(loop().now(), Fact::said_meanwhile, {command.line});
}

void Transfer::note_course() {
    auto& course = outcome_.course;
    if (report_.first_byte_at != loop::Time())
        course.first_byte = since_start(report_.first_byte_at);
    course.pauses = report_.pauses;
    course.paused = report_.paused;
    course.held = report_.held;
}

loop::Task<> Transfer::gather() {
    if (leg_->is_disabled()) tell({Kind::backend_disabled});
    look_for_wish();
    if (machine_.is_listening()) {
        if (machine_.is_sent()) {
            answers_.hold_back(hold_until());
            co_await replies_->take(machine_.data_are_pending());
            answers_.hold_back({});
        }
        note_replies();
        co_await hear_client();
        note_replies();
    }
    look_at_data();
}

/// A client whose data connection is open has no use for a 1xx before the data. If the transfer is
/// over within this time, it gets both replies in one packet, its data and their end in another,
/// and wakes up once. But a client begins its handshake and its upload when it has the 1xx.
std::optional<loop::Deadline> Transfer::hold_until() const {
    const auto delay = parts_.settings.begin_reply_delay;
    const bool may_wait = delay.count() > 0 && direction_ == ftp::Direction::download &&
                          !client_end_.is_protected() && client_end_.has_arrived();
    if (!may_wait) return std::nullopt;
    return loop().after(delay);
}

/// Sends what waits for the end of a short transfer.
loop::Task<> Transfer::release() {
    if (client_end_.is_ready()) client_end_.stream().uncork();
    co_await answers_.release();
}

void Transfer::note_replies() {
    const auto& owed = replies_->owed();
    const bool has_line = leg_->begun_code() != 0;
    tell({.kind = Kind::line_came, .at = has_line ? leg_->line_at() : loop::Time::min()});
    if (owed.is_begun() && !machine_.is_begun()) {
        note_announced_size();
        tell({Kind::begun});
    }
    if (owed.final_reply() && owed.final_reply()->code != machine_.final_code())
        tell({.kind = Kind::final_came, .code = owed.final_reply()->code});
    if (replies_->is_missing() && !machine_.is_missing()) tell({Kind::reply_lost});
    // The client may be waiting for the lost reply. Then its connection will never report an end.
    if (answers_.client_is_lost()) tell({Kind::client_left});
}

/// The client has a direction of the data, and it has ended. It may be the only one.
bool Transfer::client_data_are_over() const {
    if (direction_ == ftp::Direction::download) return false;
    return relaying_.is_done() || report_.other_way_ended;
}

/// ABOR and STAT must reach the backend at once (RFC 959 4.1.3). All other commands wait, even
/// QUIT.
loop::Task<> Transfer::hear_client() {
    // It came while another backend was looked for.
    if (parts_.others != nullptr && !machine_.abort_is_wanted() && parts_.others->take_abort()) {
        metrics::count_command_in_transfer("ABOR");
        co_return tell({Kind::abor});
    }
    auto& client = parts_.client;
    // Commands that arrived before the data's end may be read only after it.
    const bool was_behind = machine_.client_is_behind();
    tell({Kind::client_heard});
    for (int taken = 0; client.may_poll() && !machine_.client_has_left(); ++taken) {
        if (taken == commands_in_a_row) {
            // Let the other sessions on this thread run first.
            tell({Kind::client_behind});
            co_return parts_.signal.raise();
        }
        auto event = client.poll(client_data_are_over() ? ClientLeg::Ask::anyway
                                                        : ClientLeg::Ask::if_signalled);
        if (!event) co_return;
        const auto& command = event->command;
        if (event->kind == ClientEvent::Kind::ended || event->kind == ClientEvent::Kind::lost) {
            if (event->kind == ClientEvent::Kind::lost) answers_.lose_client();
            tell({Kind::client_left});
        } else if (command.verb == "ABOR" && !machine_.abort_is_wanted()) {
            // A second ABOR waits like any other command, and gets its own answer later.
            metrics::count_command_in_transfer(command.verb);
            note_interjection(command);
            co_return tell({Kind::abor});
        } else if (command.verb == "STAT" && replies_->has_room_for_stat() &&
                   !guard::refusal_of(parts_.settings, "STAT", command.argument)) {
            metrics::count_command_in_transfer(command.verb);
            note_interjection(command);
            co_await replies_->pass_stat(command.line);
        } else {
            // A QUIT after the data shows that the client has sent all of them.
            if (command.verb == "QUIT" && client_data_are_over() && !was_behind)
                tell({Kind::client_vouched});
            client.defer(std::move(*event));
        }
    }
    // A client that has sent too many commands is not read any more. Still check whether it is
    // connected: the end of an upload depends on it.
    if (client_data_are_over() && client.has_left()) tell({Kind::client_left});
}

void Transfer::look_at_data() {
    if (machine_.looks_at_backend()) look_at_backend();
    if (machine_.looks_at_client()) look_at_client();
    look_for_notice();
    if (machine_.is_passing_end_on()) pass_end_on();
    look_at_relay();
}

void Transfer::look_at_backend() {
    switch (backend_end_->look()) {
        case BackendEnd::News::nothing: return;
        case BackendEnd::News::arrived: return tell({Kind::backend_connected});
        case BackendEnd::News::secured: return tell({Kind::backend_secured});
        case BackendEnd::News::tls_failed:
            leg_->count(metrics::BackendError::data);
            return tell({Kind::backend_tls_failed});
    }
}

void Transfer::look_at_client() {
    switch (client_end_.look()) {
        case ClientEnd::News::nothing: return;
        case ClientEnd::News::connected:
            ready_at_ = loop().now();
            return tell({Kind::client_connected});
        case ClientEnd::News::unreachable: return tell({Kind::client_unreachable});
        case ClientEnd::News::secured:
            ready_at_ = loop().now();
            return tell({Kind::client_secured});
        case ClientEnd::News::tls_failed: return tell({Kind::client_tls_failed});
    }
}

void Transfer::look_at_relay() {
    const auto tell_end = [&](bool is_protected, bool is_vouched_for, Kind vouched, Kind bare) {
        if (is_protected && !is_vouched_for)
            metrics::count(metrics::Counter::data_ends_without_close_notify);
        // Only the client's direction has a grace.
        const bool is_download = bare == Kind::ended && direction_ == ftp::Direction::download;
        tell({.kind = is_vouched_for ? vouched : bare,
              .time = is_download ? loop::Time::duration::zero() : end_grace()});
    };
    if (report_.bytes_taken > 0 && !machine_.has_moved()) {
        if (direction_ == ftp::Direction::download)
            leg_->count_first_byte(report_.first_byte_at - ready_at_);
        tell({Kind::first_byte});
    }
    if (report_.other_way_ended && !machine_.client_way_is_over())
        tell_end(client_end_.is_protected(), report_.other_way_is_vouched_for,
                 Kind::way_ended_vouched, Kind::way_ended);
    look_for_resumption();
    if (!relaying_.is_done() || machine_.data_are_over()) return;
    const bool uploads = direction_ == ftp::Direction::upload;
    switch (report_.end) {
        case relay::End::source_ended:
            return tell_end(uploads ? client_end_.is_protected() : backend_end_->is_protected(),
                            report_.is_vouched_for, Kind::ended_vouched, Kind::ended);
        case relay::End::source_failed: return tell({Kind::source_failed});
        case relay::End::sink_failed: return tell({Kind::sink_failed});
        case relay::End::differs:
            if (!replies_->is_missing()) difference_ = report_.difference;
            return tell({Kind::differs});
        case relay::End::stalled:
        case relay::End::running:
            // An upload's source is the client, a download's sink is.
            return tell(
                {uploads != report_.sink_is_slow ? Kind::stalled_by_client : Kind::stalled});
    }
}

/// How long the end of the client's control connection may trail the end of its data. On the way
/// one of the two may be overtaken or resent, which takes several round trips.
loop::Time::duration Transfer::end_grace() const {
    const loop::Time::duration grace = parts_.settings.upload_end_grace;
    if (grace == loop::Time::duration::zero()) return grace;
    const loop::Time::duration on_the_way = end_grace_round_trips * parts_.client.round_trip();
    return std::max(grace, std::min(on_the_way, end_grace_max));
}

void Transfer::watch() {
    if (!machine_.is_listening()) return;
    if (machine_.is_sent() && replies_->is_awaited()) leg_->watch();
    if (!machine_.client_has_left()) parts_.client.watch_to_hear();
}

// What is done

loop::Task<> Transfer::perform(Action action) {
    if (needs_release(action)) co_await release();
    switch (action) {
        case Action::wait:
        case Action::done: co_return;
        case Action::send_command: co_return co_await send_command();
        case Action::move_on: co_return co_await move_on();
        case Action::dial_client: co_return client_end_.dial(machine_.client_deadline());
        case Action::secure_client: client_end_.secure(); co_return look_at_client();
        case Action::secure_backend: backend_end_->secure(); co_return look_at_backend();
        case Action::move: move(); co_return look_at_relay();
        case Action::pass_end_on: co_return pass_end_on();
        case Action::close_backend: co_return backend_end_->end();
        case Action::stop_moving: co_return relaying_.cancel();
        case Action::break_client: co_return break_client();
        case Action::reset_backend: co_return backend_end_->reset();
        case Action::give_up_reply:
            co_return replies_->lose_backend("the server did not answer in time");
        case Action::settle_replies:
            if (!replies_->is_awaited()) co_return tell({Kind::replies_settled});
            co_await release();
            co_await replies_->settle_stats(machine_.data_are_pending());
            note_replies();
            co_return tell({Kind::replies_settled});
        case Action::end_client: {
            const bool is_proper = co_await client_end_.finish();
            co_return tell({is_proper ? Kind::client_ended : Kind::client_not_ended});
        }
        case Action::close: client_end_.close(); co_return backend_end_->close();
        case Action::abort: (void)co_await replies_->abort(*backend_end_); co_return;
        case Action::abort_broken: co_return co_await replies_->abort_broken(*backend_end_);
        case Action::say_150:
        case Action::tell_final:
        case Action::tell_failure:
        case Action::tell_refusal:
        case Action::tell_aborted: co_return co_await speak(action);
    }
}

/// Sends the client a reply.
loop::Task<> Transfer::speak(Action action) {
    switch (action) {
        case Action::say_150: co_return co_await replies_->tell_150();
        case Action::tell_final:
            if (machine_.final_code() == 421 && parts_.others != nullptr)
                co_return co_await tell_farewell();
            co_return co_await replies_->tell_final();
        case Action::tell_failure:
            co_return co_await answers_.tell(ftp::make_reply(
                machine_.own_code(),
                fmt::format("{}: {}.", failure_text(machine_.own_code()), failure_in_words())));
        case Action::tell_refusal:
            co_return co_await answers_.tell(
                ftp::make_reply(machine_.own_code(), refusal_in_words()));
        case Action::tell_aborted:
            if (machine_.is_sent()) co_await replies_->tell_stats(machine_.data_are_pending());
            co_return co_await replies_->tell_aborted();
        default: co_return;
    }
}

/// Sends the command, with REST right before it. Some servers forget REST at any command between
/// them (inetutils-ftpd). A refused REST refuses the transfer, because it must not begin at 0.
loop::Task<> Transfer::send_command() {
    std::optional<base::Error> lost;
    const bool is_ready = line_is_sent_ || co_await send_restart(restart_, lost);
    if (is_ready && !line_is_sent_)
        if (auto sent = co_await send_line(); !sent) lost = std::move(sent.error());
    ready_at_ = loop().now();
    // A download may go on with another backend, whatever this one has heard of it.
    const bool moves_on = lost && machine_.may_leave();
    if (moves_on) replies_->lose_backend(*lost);
    if (lost && !moves_on) co_await refuse_for_lost_backend(*lost);
    if (moves_on || (is_ready && !lost))
        tell({.kind = Kind::command_sent, .time = leg_->answer_time(line_)});
    else
        tell({Kind::command_not_sent});
}

/// False: the client knows that it was refused, or the backend is lost.
loop::Task<bool> Transfer::send_restart(std::optional<std::uint64_t> offset,
                                        std::optional<base::Error>& lost) {
    if (auto learnt = co_await leg_->learn_noop(); !learnt) {
        lost = std::move(learnt.error());
        co_return false;
    }
    if (!offset) co_return true;
    const auto reply = co_await leg_->restart_at(*offset);
    if (!reply) {
        lost = reply.error();
    } else if (reply->code == 421 && parts_.others != nullptr) {
        lost = backend::refusal("the server answered REST with", *reply);
    } else if (reply->is_negative()) {
        co_await refuse(*reply);
    } else if (reply->code != 350) {
        co_await refuse(451, "The server ignored REST.");
    } else {
        leg_->known().set_accepts_rest();
        co_return true;
    }
    co_return false;
}

void Transfer::move() {
    moving_since_ = loop().now();
    const relay::Pace pace(parts_.settings.data_stall_timeout, parts_.settings.data_stall_bytes,
                           parts_.throttle);
    auto& client = client_end_.stream();
    auto& backend = backend_end_->stream();
    const auto start = [&](loop::Task<> task) {
        relaying_ = loop::Job::start(std::move(task), &parts_.signal);
    };
    switch (direction_) {
        case ftp::Direction::download:
            if (answers_.holds_back()) client.cork();
            return start(relay::relay_one_way(loop(), backend, client, pace, report_,
                                              continuation_ ? &*continuation_ : nullptr,
                                              parts_.porter));
        case ftp::Direction::upload:
            return start(relay::relay_one_way(loop(), client, backend, pace, report_, nullptr,
                                              parts_.porter));
        case ftp::Direction::unknown:
        case ftp::Direction::none:
            return start(
                relay::relay_both_ways(loop(), backend, client, pace, report_, parts_.signal));
    }
}

/// Passes on the end of the client's direction. The relay watches the connection if it still moves
/// the other direction.
void Transfer::pass_end_on() {
    switch (backend_end_->finish(relaying_.is_done())) {
        case net::Io::State::moved: return tell({Kind::end_passed});
        case net::Io::State::would_block: return tell({Kind::end_blocked});
        case net::Io::State::ended:
        case net::Io::State::failed: return tell({Kind::end_failed});
    }
}

void Transfer::break_client() {
    relaying_.cancel();
    client_end_.reset();
    if (machine_.reason() == Reason::client_missing)
        metrics::count(metrics::Counter::data_connections_missing);
    look_for_notice();
}

/// Checks whether the backend of broken data would notice a reset.
void Transfer::look_for_notice() {
    if (machine_.awaits_notice() && backend_end_->has_taken_notice()) tell({Kind::backend_noticed});
}

/// Refuses the transfer before the backend has heard of it.
loop::Task<> Transfer::refuse(std::uint16_t code, std::string_view text) {
    return refuse(ftp::make_reply(code, text));
}

loop::Task<> Transfer::refuse(ftp::Reply reply) {
    outcome_.result = TransferResult::refused;
    outcome_.cause = Reason::refused;
    outcome_.reason = fmt::format("{} {}", reply.code, reply.message());
    return answers_.tell(std::move(reply));
}

loop::Task<> Transfer::refuse_for_lost_backend(const base::Error& error) {
    replies_->lose_backend(error);
    return refuse(451, lost_text);
}

}  // namespace ballast::session
