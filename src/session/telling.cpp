// SPDX-License-Identifier: Apache-2.0
// What a session tells the log.
#include "ftp/secret.h"
#include "metrics/counters.h"
#include "session/limit_note.h"
#include "session/session.h"
#include "session/transfer_log.h"

#include <chrono>
#include <fmt/format.h>

namespace ballast::session {

namespace {

using namespace std::chrono_literals;

double seconds_of(std::chrono::steady_clock::duration time) {
    return std::chrono::duration<double>(time).count();
}

/// Of the backends in the configuration; those of a file and of names come on top.
std::uint64_t sessions_of_all(const config::Pool& pool) {
    std::uint64_t sessions = 0;
    for (const auto& backend : pool.backends) sessions += backend.max_sessions;
    return sessions;
}

}  // namespace

void Session::report(log::Level level, std::string_view message,
                     std::initializer_list<log::Field> fields, Repeats repeats) const {
    if (!log::enabled(level)) return;
    const auto client = base::to_string(client_.peer());
    std::vector<log::Field> all = {{"session", id_}, {"client", client}};
    const auto backends_user = user_at_backend();
    if (!journal_.user().empty()) all.push_back({"user", journal_.user()});
    if (backends_user != journal_.user()) all.push_back({"backend_user", backends_user});
    // A subject may have 60 KB; it is matched whole, and told in part.
    constexpr std::size_t subject_bytes_max = 256;
    if (!certificate_subject_.empty())
        all.push_back(
            {"certificate", std::string_view(certificate_subject_).substr(0, subject_bytes_max)});
    if (seat_) all.push_back({"backend", seat_.backend().name});
    all.push_back({"phase", to_string(phase_)});
    all.insert(all.end(), fields.begin(), fields.end());
    if (repeats == Repeats::all)
        log::write_each(level, message, all);
    else
        log::write(level, message, all);
}

/// `name` is the user's, as the client said it. `reason` says who refused. The reply's text may
/// repeat the secret that it answers.
void Session::report_login_refused(const ftp::Reply& reply, std::string_view name,
                                   std::string_view reason, std::string_view secret) const {
    report(log::Level::info, "log-in refused",
           {{"name", name},
            {"code", std::uint64_t{reply.code}},
            {"text", ftp::without_secret(reply.message(), secret)},
            {"reason", reason}});
}

void Session::report_command_refused(const ftp::Command& command, const ftp::Reply& reply) const {
    report(log::Level::info, "command refused",
           {{"verb", command.verb},
            {"line", ftp::loggable(command.line)},
            {"code", std::uint64_t{reply.code}},
            {"text", reply.message()}});
}

/// Of what Ballast refuses by its own rules, that which a user will ask about: log-ins and
/// transfers. Other commands are tried by clients as a matter of course.
void Session::report_own_refusal(const ftp::Command& command) const {
    const auto& reply = dialog_.answer();
    if (!reply.is_negative()) return;
    if (command.verb == "USER") {
        constexpr std::string_view rule = "a rule of the listener";
        return report_login_refused(reply, command.argument, rule);
    }
    const auto* const verb = ftp::find_verb(command.verb);
    const bool is_of_data = verb != nullptr && (verb->handling == ftp::Handling::transfer ||
                                                verb->handling == ftp::Handling::data_setup);
    if (is_of_data) report_command_refused(command, reply);
}

/// One line for each that began, whatever others say: it is a log of transfers as well. Those that
/// never began cost a client nothing to ask for, and are bounded like all other lines.
void Session::report_transfer(const ftp::Command& command, const std::string& file,
                              const Outcome& outcome) {
    if (outcome.result == Result::not_a_transfer) return;
    ++transfers_done_;
    bytes_moved_ += outcome.bytes;
    const bool is_notable = outcome.result == Result::failed || outcome.tls_was_refused;
    report(is_notable ? log::Level::warning : log::Level::info, "transfer ended",
           {{"verb", command.verb},
            {"file", file},
            {"bytes", outcome.bytes},
            {"seconds", seconds_of(outcome.time)},
            {"result", to_string(outcome.result)},
            {"reason", outcome.reason}},
           outcome.has_begun ? Repeats::all : Repeats::bounded);
}

/// `last_reason` is what the last backend that was tried said; empty: none was.
void Session::report_no_backend(pool::Refusal refusal, std::string_view last_reason) const {
    const auto& pool = pool_->pool->config();
    const log::Field name = {"pool", pool.name};
    const log::Field reason = {"reason", pool::to_string(refusal)};
    const auto limited_by = [&](std::string_view key, std::uint64_t value, std::string_view cure) {
        report(log::Level::warning, "no backend for a session",
               {name,
                reason,
                {"key", fmt::format("{}.{}", pool.where.key, key)},
                {"value", value},
                {"cure", cure}});
    };
    switch (refusal) {
        case pool::Refusal::all_full:
            return limited_by("backend.max_sessions", sessions_of_all(pool),
                              "add backends, raise it, or let clients wait with queue.length");
        case pool::Refusal::queue_full:
            return limited_by("queue.length", pool.queue.length,
                              "add backends, or raise it or max_sessions");
        case pool::Refusal::waited_in_vain:
            return limited_by("queue.timeout", static_cast<std::uint64_t>(pool.queue.timeout / 1s),
                              "add backends, or raise it or max_sessions");
        default:
            return report(log::Level::warning, "no backend for a session",
                          {name, reason, {"last", last_reason}});
    }
}

void Session::report_ban(guard::Limit ban, std::string_view user) const {
    const auto& ledger = surroundings_.ledger;
    const auto setting = ledger.setting_of(ban, settings_);
    const auto time = std::chrono::ceil<std::chrono::seconds>(ledger.limits().ban_time);
    report(log::Level::warning, "banned for failed log-ins",
           {{"of", ban == guard::Limit::banned_address ? "address" : "user at this address"},
            {"name", user},
            {"seconds", std::int64_t{time.count()}},
            {"key", setting.key},
            {"value", setting.value},
            {"cure", setting.cure}});
}

/// Of a session that was let in and has left its backend, which is `backend`; empty: it had none.
void Session::report_end(std::string_view backend) const {
    if (!entered_) return;
    report(log::Level::info, "session ended",
           {{"reason", end_reason_},
            {"backend", backend},
            {"seconds", seconds_of(signal_.loop().now() - began_at_)},
            {"bytes", bytes_moved_},
            {"transfers", std::uint64_t{transfers_done_}}});
}

void Session::reached(guard::Limit limit) const {
    note_limit(surroundings_.ledger, limit, settings_, base::to_string(client_.peer().ip));
}

/// A limit of the listener's own: `key` is in its table.
void Session::reached(std::string_view limit, std::string_view key, std::uint64_t value,
                      std::string_view cure) const {
    note_limit(limit, {fmt::format("{}.{}", settings_.where.key, key), value, cure}, settings_.name,
               base::to_string(client_.peer().ip));
}

}  // namespace ballast::session
