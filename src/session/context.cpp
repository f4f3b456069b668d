// SPDX-License-Identifier: Apache-2.0
#include "session/context.h"

#include "events/bus.h"
#include "ftp/secret.h"
#include "metrics/counters.h"
#include "session/backend_user.h"
#include "session/limit_note.h"

#include <cassert>
#include <chrono>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace ballast::session {

Context::Context(Surroundings around, std::unique_ptr<net::Stream> stream, std::string session_id)
    : surroundings(std::move(around)),
      settings(*surroundings.listener),
      id(std::move(session_id)),
      began_at(surroundings.network.loop().now()),
      story(surroundings.stories, began_at),
      signal(surroundings.network.loop()),
      dialog(settings),
      client(std::move(stream), settings, signal, [this] { return gives_way(); }),
      login_deadline(surroundings.network.loop().after(settings.login_timeout)),
      phase_since_(began_at) {
    if (settings.session_bandwidth != 0)
        bandwidth = std::make_shared<guard::Bandwidth>(settings.session_bandwidth);
}

bool Context::comes_from_ourselves() const {
    const auto& net = surroundings.network;
    return net.is_own(client.peer(), reached_address()) ||
           (surroundings.proxy && net.is_own(*surroundings.proxy, client.local()));
}

std::string Context::user_at_backend() const {
    if (!assignment || identity.user.empty()) return identity.user;
    return backend_user(assignment.settings().backend_user, identity.user);
}

// The session's end

void Context::stop() {
    stop_wanted_ = true;
    signal.raise();
}

void Context::cut() {
    is_cut_ = true;
    stop();
}

void Context::end_because(std::string_view reason) {
    if (!std::exchange(is_over_, true)) end_reason_ = reason;
}

loop::Task<> Context::end_with(std::string_view why) {
    end_because(why);
    return answer(421, why);
}

void Context::heed_farewell(const ftp::Reply& reply) {
    if (reply.code == 421) end_because("the backend ended it with 421");
}

loop::Task<> Context::lose_backend(const base::Error& error) {
    if (is_cut_) {
        assignment.set_leg(nullptr);
        return end_with(cut_text);
    }
    if (assignment.is_disabled()) {
        assignment.set_leg(nullptr);
        return end_with(out_of_service_text);
    }
    report_loss(error);
    end_because(fmt::format("the backend was lost: {}", base::to_string(error)));
    assignment.set_leg(nullptr);
    return end_with(lost_text);
}

void Context::report_loss(const base::Error& error) {
    metrics::count(metrics::Counter::backend_connections_lost);
    if (const auto figures = assignment.figures()) figures->add(metrics::BackendError::lost);
    const auto reason = base::to_string(error);
    report_fault(base::blame_of(error), "backend lost", {{"reason", reason}});
    story.note(now(), Fact::backend_lost, {backend_name(), reason});
}

// What the client is told

loop::Task<> Context::answer(ftp::Reply reply) {
    if (is_over_) client.cork();
    if (const auto sent = co_await client.send(reply); !sent)
        end_because(base::to_string(sent.error()));
}

loop::Task<> Context::answer(std::uint16_t code, std::string_view text) {
    return answer(ftp::make_reply(code, text));
}

// Loans

void Context::lend_place() { place.lend(surroundings.ledger, settings, client.peer().ip, signal); }

void Context::keep_seat() {
    if (assignment.keep()) return;
    metrics::count(metrics::Counter::seats_recalled);
    story.note(now(), Fact::seat_recalled);
    assignment = {};
}

bool Context::gives_way() {
    if (assignment.is_disabled() || is_cut_) return true;
    if (is_logged_in()) return false;
    if (assignment.is_recalled()) keep_seat();
    return stop_wanted_ || place.is_recalled();
}

void Context::forget_data() {
    client_data.clear();
    if (auto* const leg = assignment.leg()) leg->forget_data();
}

// What the log is told

void Context::report(log::Level level, std::string_view message,
                     std::initializer_list<log::Field> fields, Repeats repeats) const {
    assert(level == log::Level::info || level == log::Level::debug);
    say(level, message, fields, repeats);
}

void Context::report_fault(base::Blame fault, std::string_view message,
                           std::initializer_list<log::Field> fields, Repeats repeats,
                           log::Level level) const {
    std::vector<log::Field> all = {{"fault", to_string(fault)}};
    if (!current_command.empty()) all.push_back({"command", current_command});
    all.insert(all.end(), fields.begin(), fields.end());
    say(level, message, all, repeats);
}

void Context::say(log::Level level, std::string_view message, std::span<const log::Field> fields,
                  Repeats repeats) const {
    if (!log::enabled(level)) return;
    const auto peer = base::to_string(client.peer());
    std::vector<log::Field> all = {{"session", id}, {"client", peer}};
    const auto backends_user = user_at_backend();
    if (!identity.user.empty()) all.push_back({"user", identity.user});
    if (backends_user != identity.user) all.push_back({"backend_user", backends_user});
    // A subject may have 60 KB. It is matched as a whole, but the log gets a part.
    constexpr std::size_t subject_bytes_max = 256;
    if (!identity.certificate.empty())
        all.push_back(
            {"certificate", std::string_view(identity.certificate).substr(0, subject_bytes_max)});
    if (assignment) all.push_back({"backend", assignment.backend().name});
    all.push_back({"phase", to_string(phase_)});
    all.insert(all.end(), fields.begin(), fields.end());
    if (repeats == Repeats::all)
        log::write_each(level, message, all);
    else
        log::write(level, message, all);
}

void Context::report_login_refused(const ftp::Reply& reply, std::string_view name,
                                   std::string_view reason, std::string_view secret) {
    const auto text = ftp::without_secret(reply.message(), secret);
    report(
        log::Level::info, "login refused",
        {{"name", name}, {"code", std::uint64_t{reply.code}}, {"text", text}, {"reason", reason}});
    story.note(now(), Fact::login_refused, {name, reply.code, text, reason});
    if (events::is_wanted(events::Kind::login_refused))
        events::publish(events::Kind::login_refused, {{"session", id},
                                                      {"listener", settings.name},
                                                      {"client", base::to_string(client.peer())},
                                                      {"user", name},
                                                      {"pool", pool_name()},
                                                      {"backend", backend_name()},
                                                      {"code", std::uint64_t{reply.code}},
                                                      {"reason", reason}});
}

void Context::report_command_refused(const ftp::Command& command, const ftp::Reply& reply) const {
    report(log::Level::info, "command refused",
           {{"verb", command.verb},
            {"line", ftp::loggable(command.line)},
            {"code", std::uint64_t{reply.code}},
            {"text", reply.message()}});
}

void Context::report_end(std::string_view pool, std::string_view backend) {
    if (!place.is_taken()) return;
    const auto time = now() - began_at;
    const std::chrono::duration<double> seconds = time;
    report(log::Level::info, "session ended",
           {{"reason", end_reason_},
            {"backend", backend},
            {"seconds", seconds.count()},
            {"bytes", totals.bytes},
            {"transfers", std::uint64_t{totals.transfers}}});
    story.note(now(), Fact::ended,
               {end_reason_, time, totals.transfers, totals.bytes, identity.user, pool, backend});
    if (story.is_kept()) surroundings.stories->add(id, story);
    if (events::is_wanted(events::Kind::session_ended))
        events::publish(events::Kind::session_ended,
                        {{"session", id},
                         {"listener", settings.name},
                         {"client", base::to_string(client.peer())},
                         {"user", identity.user},
                         {"pool", pool},
                         {"backend", backend},
                         {"seconds", seconds.count()},
                         {"bytes", totals.bytes},
                         {"transfers", std::uint64_t{totals.transfers}},
                         {"reason", end_reason_}});
}

void Context::reached(guard::Limit limit) {
    note_limit(surroundings.ledger, limit, settings, base::to_string(client.peer().ip),
               {{"session", id}, {"user", identity.user}, {"phase", to_string(phase_)}});
    if (!story.is_kept()) return;
    const auto setting = surroundings.ledger.setting_of(limit, settings);
    story.note(now(), Fact::limit, {guard::row_of(limit).text, setting.key, setting.value});
}

void Context::count_failed_login(std::string_view pool, std::string_view user) {
    const auto ban = surroundings.ledger.login_failed({pool, user}, client.peer().ip, now());
    if (!ban) return;
    metrics::count(metrics::Counter::bans_begun);
    report_ban(*ban, user);
}

void Context::report_ban(guard::Limit ban, std::string_view user) {
    const auto& ledger = surroundings.ledger;
    const auto setting = ledger.setting_of(ban, settings);
    const auto time = std::chrono::ceil<std::chrono::seconds>(ledger.rules().limits->ban_time);
    const std::string_view of =
        ban == guard::Limit::banned_address ? "address" : "user at this address";
    report_fault(base::Blame::client, "banned for failed logins",
                 {{"of", of},
                  {"name", user},
                  {"seconds", std::int64_t{time.count()}},
                  {"key", setting.key},
                  {"value", setting.value},
                  {"cure", setting.cure}});
    story.note(now(), Fact::banned, {of, time.count()});
    // Guessers must not push out what else is kept.
    events::publish_seldom(events::Kind::ban_begun, settings.name,
                           {{"of", of},
                            {"client", base::to_string(client.peer().ip)},
                            {"user", user},
                            {"listener", settings.name},
                            {"seconds", std::int64_t{time.count()}}});
}

}  // namespace ballast::session
