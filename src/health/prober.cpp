// SPDX-License-Identifier: Apache-2.0
#include "health/prober.h"

#include "backend/survey.h"
#include "base/log.h"
#include "metrics/counters.h"
#include "net/proxy_header.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <new>
#include <vector>

namespace ballast::health {

namespace {

/// How often to check the pool for new or removed backends (a name's addresses change).
constexpr auto pool_look_interval = std::chrono::seconds(1);
/// How often to try the survey of a backend without probes until it succeeds.
constexpr auto survey_retry_interval = std::chrono::seconds(30);
/// How often to log that probes cannot be made.
constexpr auto note_interval = std::chrono::seconds(10);
constexpr auto goodbye_time = std::chrono::milliseconds(500);
/// For TLS settings that follow the client: never send a probe's password in plain text.
constexpr bool probes_have_tls = true;
/// How long before it expires to warn about a backend's certificate.
constexpr int certificate_days_min = 14;

/// Warns the operator of problems before users run into them.
void warn(const pool::Backend& backend, const backend::Survey& survey,
          const config::BackendTls& tls) {
    const bool wants_prot_p = tls.data != config::BackendDataTls::never;
    if (wants_prot_p && survey.takes_prot_p == false)
        log::warning(
            "backend refuses PROT P: set data = \"never\" in its tls table if its data "
            "connections may go in plain text",
            {{"backend", backend.name}});
    if (survey.certificate_days_left && *survey.certificate_days_left < certificate_days_min)
        log::warning(*survey.certificate_days_left < 0 ? "backend's certificate has expired"
                                                       : "backend's certificate expires soon",
                     {{"backend", backend.name},
                      {"days_left", std::int64_t{*survey.certificate_days_left}}});
}

/// A client that sends QUIT leaves no warning in the backend's log. Its outcome does not matter and
/// must not delay the verdict.
loop::Task<> say_goodbye(backend::Leg& leg) {
    if (co_await leg.send("QUIT")) (void)co_await leg.reply(leg.loop().after(goodbye_time));
}

/// A server that expects the PROXY header from sessions expects it from probes too.
std::string preamble_of(const config::Pool& pool) {
    switch (pool.probe.proxy != config::ProxyHeader::off ? pool.probe.proxy : pool.send_proxy) {
        case config::ProxyHeader::off: return {};
        case config::ProxyHeader::v1: return net::own_proxy_header_v1();
        case config::ProxyHeader::v2: return net::own_proxy_header_v2();
    }
    std::terminate();
}

std::optional<pool::Pool::Status> status_of(const pool::Pool& pool, pool::BackendId id) {
    auto all = pool.status();
    const auto found =
        std::ranges::find(all, id, [](const auto& status) { return status.backend.id; });
    if (found == all.end()) return std::nullopt;
    return std::move(*found);
}

/// Whether both pools set up data connections in the same way.
bool moves_data_alike(const config::Pool& a, const config::Pool& b) {
    return a.backend_data == b.backend_data && a.data_ports == b.data_ports &&
           a.trust_pasv_address == b.trust_pasv_address && a.trust_low_ports == b.trust_low_ports &&
           a.send_proxy == b.send_proxy;
}

/// Whether it is the same server, asked in the same way. Weights and limits do not matter to a
/// probe.
bool is_asked_alike(const config::Backend& a, const config::Backend& b) {
    // A certificate is verified against the configured name.
    const bool has_same_name =
        a.tls.mode == config::BackendTlsMode::off || (a.host == b.host && a.srv == b.srv);
    return a.tls == b.tls && has_same_name;
}

}  // namespace

Prober::Prober(net::Network& network, std::vector<Subject> subjects, RunScript run_script,
               std::uint64_t seed)
    : network_(network),
      run_script_(std::move(run_script)),
      random_(seed),
      signal_(network.loop()) {
    set_subjects(std::move(subjects));
}

void Prober::set_subjects(std::vector<Subject> subjects) {
    subjects_.clear();
    for (auto& subject : subjects)
        subjects_.push_back(std::make_shared<const Subject>(std::move(subject)));
    signal_.raise();
}

void Prober::start() { job_ = loop::Job::start(follow_pools()); }

loop::Task<> Prober::follow_pools() {
    for (;;) {
        look_at_pools();
        (void)co_await signal_.wait(network_.loop().after(pool_look_interval));
    }
}

/// The existing probe that asks the same server the same.
Prober::Watched* Prober::find_like(const Member& member) {
    const auto is_like = [&](const Watched& watched) {
        if (watched.members.empty()) return false;
        const auto& other = watched.members.front();
        return other.backend.address == member.backend.address && asks_the_same(other, member);
    };
    const auto found = std::ranges::find_if(watched_, is_like);
    return found == watched_.end() ? nullptr : &*found;
}

bool Prober::asks_the_same(const Member& a, const Member& b) {
    const auto& probe = b.subject->settings->probe;
    // A script gets the name of its pool.
    const bool is_script = probe.type == config::ProbeType::script;
    if (is_script && a.subject->pool != b.subject->pool) return false;
    return is_asked_alike(*a.backend.settings, *b.backend.settings) &&
           a.subject->settings->probe == probe &&
           moves_data_alike(*a.subject->settings, *b.subject->settings) &&
           a.subject->password == b.subject->password;
}

/// Tells a pool that joins what is already known. Otherwise it would know nothing before the next
/// probe, and have no survey before the backend has been down.
void Prober::tell_newcomer(const Member& known, const Member& newcomer) {
    const auto from = known.subject->contacts->known(known.backend.id);
    const auto to = newcomer.subject->contacts->known(newcomer.backend.id);
    if (const auto survey = from->survey(); survey && to != from) {
        to->set_survey(*survey);
        to->set_takes_several(from->takes_several());
    }

    const auto status = status_of(*known.subject->pool, known.backend.id);
    const auto own = status_of(*newcomer.subject->pool, newcomer.backend.id);
    if (!status || !own || own->health != pool::Health::unknown) return;
    auto& pool = *newcomer.subject->pool;
    if (status->health == pool::Health::up) (void)pool.probe_passed(newcomer.backend.id);
    if (status->health == pool::Health::down)
        pool.probe_failed(newcomer.backend.id, "down in " + known.subject->settings->name);
}

/// The members with their present settings. A rewritten backends file brings new settings for all
/// backends; a probe that restarted each time might never finish.
std::vector<Prober::Member> Prober::still_present(const std::vector<Member>& members,
                                                  const std::vector<Member>& present) {
    std::vector<Member> result;
    for (const auto& member : members) {
        const auto is_same = [&](const Member& each) {
            return each.subject->pool == member.subject->pool &&
                   each.backend.id == member.backend.id && asks_the_same(each, member);
        };
        const auto found = std::ranges::find_if(present, is_same);
        if (found != present.end()) result.push_back(*found);
    }
    return result;
}

void Prober::look_at_pools() {
    std::vector<Member> present;
    for (const auto& subject : subjects_)
        for (const auto& status : subject->pool->status())
            present.push_back({subject, status.backend});
    for (auto& watched : watched_) watched.members = still_present(watched.members, present);
    std::erase_if(watched_, [](const Watched& each) { return each.members.empty(); });
    for (const auto& member : present) {
        const auto is_member = [&](const Watched& watched) {
            return std::ranges::any_of(watched.members, [&](const Member& each) {
                return each.subject->pool == member.subject->pool &&
                       each.backend.id == member.backend.id;
            });
        };
        if (std::ranges::any_of(watched_, is_member)) continue;
        if (auto* const like = find_like(member)) {
            tell_newcomer(like->members.front(), member);
            like->members.push_back(member);
            continue;
        }
        auto& watched = watched_.emplace_back(network_.loop());
        watched.members.push_back(member);
    }
    for (auto& watched : watched_)
        if (!watched.job.is_started()) watched.job = loop::Job::start(probe_for_ever(watched));
}

loop::Deadline Prober::next_probe(const Watched& watched) {
    const auto& settings = watched.members.front().subject->settings->probe;
    if (settings.type == config::ProbeType::none)
        return network_.loop().after(survey_retry_interval);
    bool is_in_transition = false;
    bool is_down = true;
    for (const auto& member : watched.members) {
        const auto status = status_of(*member.subject->pool, member.backend.id);
        is_in_transition |= status && status->is_in_transition;
        is_down &= status && status->health == pool::Health::down;
    }
    auto interval = settings.interval;
    if (is_in_transition)
        interval = settings.fast_interval.value_or(interval);
    else if (is_down)
        interval = settings.down_interval.value_or(interval);
    const auto jitter = static_cast<double>(settings.jitter_percent) / 100;
    std::uniform_real_distribution<double> factor(1 - jitter, 1 + jitter);
    return network_.loop().after(
        std::chrono::duration_cast<std::chrono::microseconds>(interval * factor(random_)));
}

/// Those that learn from a probe made here: for a silent pool, only if an operator wants it.
std::vector<Prober::Member> Prober::askers_of(const Watched& watched, bool is_wanted) const {
    auto members = watched.members;
    std::erase_if(members, [&](const Member& each) { return !is_wanted && is_silent(each); });
    return members;
}

/// True if the backend rose from down for any of the pools.
bool Prober::report(std::span<const Member> askers, const base::Result<>& answer,
                    loop::Time::duration taken) {
    // They have fallen silent meanwhile.
    if (askers.empty()) return false;
    // Our own shortage says nothing about the backend.
    if (!answer && answer.error().fault == base::Fault::internal) {
        count(askers, metrics::ProbeResult::not_made, taken);
        note_not_made(answer.error(), askers);
        return false;
    }
    metrics::count(answer ? metrics::Counter::probes_passed : metrics::Counter::probes_failed);
    count(askers, answer ? metrics::ProbeResult::passed : metrics::ProbeResult::failed, taken);
    bool rose = false;
    const auto problem = answer ? std::string() : base::to_string(answer.error());
    for (const auto& member : askers) {
        rose |= judge(member, problem);
        tell(member, problem, taken);
    }
    return rose;
}

/// True if the backend rose from down.
bool Prober::judge(const Member& member, const std::string& problem) {
    const auto& [subject, backend] = member;
    if (problem.empty()) return subject->pool->probe_passed(backend.id);
    log::debug("probe failed", {{"backend", backend.name}, {"reason", problem}});
    subject->pool->probe_failed(backend.id, problem);
    return false;
}

/// One probe counts for each pool that it was made for.
void Prober::count(std::span<const Member> askers, metrics::ProbeResult result,
                   loop::Time::duration taken) {
    for (const auto& [subject, backend] : askers) {
        const auto figures = subject->pool->figures(backend.id);
        if (!figures) continue;
        figures->add(result);
        if (result == metrics::ProbeResult::passed) figures->probe.observe(taken);
    }
}

// The other balancers of a cluster

void Prober::tell(const Member& member, const std::string& problem,
                  loop::Time::duration taken) const {
    if (!tell_) return;
    tell_({.pool = member.subject->settings->name,
           .backend = member.backend.settings->name,
           .address = member.backend.address,
           .problem = problem,
           .took = taken});
}

void Prober::set_silent(std::string_view pool, bool wanted) {
    const auto found = silent_.find(pool);
    if (wanted && found == silent_.end()) silent_.emplace(pool);
    if (!wanted && found != silent_.end()) silent_.erase(found);
}

bool Prober::is_silent(const Member& member) const {
    return !silent_.empty() && silent_.contains(member.subject->settings->name);
}

bool Prober::take(const Outcome& outcome) {
    for (auto& watched : watched_) {
        const auto is_meant = [&](const Member& each) {
            return each.subject->settings->name == outcome.pool &&
                   each.backend.settings->name == outcome.backend &&
                   each.backend.address == outcome.address && is_silent(each);
        };
        const auto member = std::ranges::find_if(watched.members, is_meant);
        if (member == watched.members.end()) continue;
        // Each of its pools is told of the same probe.
        if (member == watched.members.begin())
            remember(watched, {.at = std::chrono::system_clock::now(),
                               .took = outcome.took,
                               .problem = outcome.problem,
                               .steps = {}});
        const bool passed = outcome.problem.empty();
        const bool rose = judge(*member, outcome.problem);
        watched.is_survey_due |= !passed || rose;
        if (passed && watched.is_survey_due) watched.signal.raise();
        return true;
    }
    return false;
}

/// Then every probe of every backend fails, so log it only now and then.
void Prober::note_not_made(const base::Error& reason, std::span<const Member> askers) {
    metrics::count(metrics::Counter::probes_not_made);
    if (network_.loop().now() < next_note_) return;
    next_note_ = network_.loop().after(note_interval);
    log::warning("a probe could not be made, backends keep their state",
                 {{"backend", askers.front().backend.name}, {"reason", base::to_string(reason)}});
}

void Prober::remember(Watched& watched, ProbeRecord probe) {
    if (watched.history.size() == history_max) watched.history.pop_front();
    watched.history.push_back(std::move(probe));
}

std::vector<Prober::History> Prober::histories() const {
    std::vector<History> all;
    for (const auto& watched : watched_)
        for (const auto& [subject, backend] : watched.members)
            all.push_back({subject->settings->name, backend, watched.history});
    return all;
}

bool Prober::probe_now(std::string_view pool, std::string_view backend) {
    bool is_any = false;
    for (auto& watched : watched_) {
        const bool is_meant = std::ranges::any_of(watched.members, [&](const Member& each) {
            return each.subject->settings->name == pool && each.backend.settings->name == backend &&
                   each.subject->settings->probe.type != config::ProbeType::none;
        });
        if (!is_meant) continue;
        watched.is_wanted = true;
        watched.signal.raise();
        is_any = true;
    }
    return is_any;
}

loop::Task<> Prober::probe_for_ever(Watched& watched) {
    const auto type = watched.members.front().subject->settings->probe.type;
    const bool only_survey = type == config::ProbeType::none;
    for (;;) {
        if (only_survey) {
            watched.is_survey_due = !co_await survey_now(watched);
            if (!watched.is_survey_due) co_return;
        } else if (askers_of(watched, watched.is_wanted).empty()) {
            co_await rest(watched);
        } else {
            co_await probe_once(watched);
        }
        (void)co_await watched.signal.wait(next_probe(watched));
    }
}

loop::Task<> Prober::probe_once(Watched& watched) {
    const bool is_wanted = std::exchange(watched.is_wanted, false);
    const auto began = network_.loop().now();
    watched.steps.begin(began);
    const auto passed = co_await ask(Question::probe, watched);
    const auto taken = network_.loop().now() - began;
    remember(watched, {.at = std::chrono::system_clock::now(),
                       .took = taken,
                       .problem = passed ? std::string() : base::to_string(passed.error()),
                       .steps = watched.steps.steps()});
    if (!passed) {
        // The backend may come back as a different server.
        watched.is_survey_due |= passed.error().fault != base::Fault::internal;
        (void)report(askers_of(watched, is_wanted), passed, taken);
        co_return;
    }
    if (watched.is_survey_due) watched.is_survey_due = !co_await survey_now(watched);
    // A backend that live sessions took down and a probe brought up needs a survey too.
    if (report(askers_of(watched, is_wanted), passed, taken) && !watched.is_survey_due)
        watched.is_survey_due = !co_await survey_now(watched);
}

/// While another balancer probes.
loop::Task<> Prober::rest(Watched& watched) {
    if (const auto leg = std::move(watched.leg)) co_await say_goodbye(*leg);
    const bool seems_up = watched.history.empty() || watched.history.back().problem.empty();
    if (watched.is_survey_due && seems_up) watched.is_survey_due = !co_await survey_now(watched);
}

loop::Task<bool> Prober::survey_now(Watched& watched) {
    const auto learnt = co_await ask(Question::survey, watched);
    if (learnt)
        watched.survey_problem.clear();
    else if (learnt.error().fault == base::Fault::internal)
        note_not_made(learnt.error(), watched.members);
    else
        note_survey_failed(watched, learnt.error());
    co_return learnt.has_value();
}

/// The survey is tried again with each probe. Each reason is logged once.
void Prober::note_survey_failed(Watched& watched, const base::Error& reason) {
    metrics::count(metrics::Counter::surveys_failed);
    auto text = base::to_string(reason);
    if (text == watched.survey_problem) return;
    watched.survey_problem = std::move(text);
    for (const auto& [subject, backend] : watched.members)
        log::write_each(log::Level::info, "backend could not be surveyed",
                        {{"pool", subject->settings->name},
                         {"backend", backend.name},
                         {"reason", watched.survey_problem}});
}

loop::Task<base::Result<>> Prober::ask(Question question, Watched& watched) {
    // A reload may replace the members meanwhile.
    const auto subject = watched.members.front().subject;
    const auto& settings = subject->settings->probe;
    const auto address = watched.members.front().backend.address;
    const auto deadline = network_.loop().after(settings.timeout);
    const auto failed = [&](base::Fault fault, std::errc code) {
        return std::unexpected(
            base::Error{fault, std::make_error_code(code), "probing " + base::to_string(address)});
    };
    loop::Signal done(network_.loop());
    base::Result<> result;
    auto job = loop::Job::start(
        question == Question::probe ? probe(watched, result) : survey_into(watched, result), &done);
    // `run_script` ends and judges a script that runs too long.
    const bool is_timed_itself =
        question == Question::probe && settings.type == config::ProbeType::script;
    if (!job.has_ended()) (void)co_await done.wait(is_timed_itself ? loop::never : deadline);
    try {
        if (job.is_done()) co_return result;
    } catch (const std::bad_alloc&) {
        watched.leg.reset();
        co_return failed(base::Fault::internal, std::errc::not_enough_memory);
    }
    job.cancel();
    watched.leg.reset();
    co_return failed(base::Fault::backend, std::errc::timed_out);
}

loop::Task<> Prober::probe(Watched& watched, base::Result<>& result) {
    // A copy, because members may come and go meanwhile.
    const Member member = watched.members.front();
    switch (member.subject->settings->probe.type) {
        case config::ProbeType::none: break;
        case config::ProbeType::tcp: result = co_await probe_tcp(member); break;
        case config::ProbeType::banner: result = co_await probe_banner(watched); break;
        case config::ProbeType::login: result = co_await probe_login(watched); break;
        case config::ProbeType::script: result = co_await probe_script(member); break;
    }
}

loop::Task<base::Result<>> Prober::probe_tcp(const Member& member) {
    const auto& settings = member.subject->settings->probe;
    const auto deadline = network_.loop().after(settings.timeout);
    const auto& backend = member.backend;
    const auto contact =
        member.subject->contacts->contact(backend.settings, backend.id, backend.address);
    const auto stream = co_await network_.dial({.to = backend.address,
                                                .from = contact.source,
                                                .fault = base::Fault::backend,
                                                .purpose = net::Dial::Purpose::control},
                                               deadline);
    if (!stream) co_return std::unexpected(stream.error());
    const auto preamble = preamble_of(*member.subject->settings);
    if (preamble.empty()) co_return base::Result<>{};
    loop::Signal signal(network_.loop());
    const net::Attached attached(**stream, signal);
    co_return co_await net::write_all(**stream, signal, preamble, base::Fault::backend, deadline);
}

loop::Task<base::Result<>> Prober::probe_script(const Member& member) {
    const auto& pool = *member.subject->pool;
    const auto& settings = member.subject->settings->probe;
    const auto status = status_of(pool, member.backend.id);
    co_return co_await run_script_(
        {.path = settings.script,
         .address = member.backend.address,
         .pool = pool.name(),
         .backend = member.backend.name,
         .state = std::string(pool::to_string(status ? status->health : pool::Health::unknown)),
         .timeout = settings.timeout});
}

loop::Task<base::Result<std::unique_ptr<backend::Leg>>> Prober::connect(const Member& member,
                                                                        loop::Signal& signal) {
    const auto& [subject, backend] = member;
    auto contact = subject->contacts->contact(backend.settings, backend.id, backend.address);
    contact.preamble = preamble_of(*subject->settings);
    co_return co_await backend::Leg::connect(network_, std::move(contact), probes_have_tls, signal);
}

loop::Task<base::Result<>> Prober::probe_banner(Watched& watched) {
    loop::Signal signal(network_.loop());
    auto leg = co_await connect(watched.members.front(), signal);
    if (!leg) co_return std::unexpected(leg.error());
    watched.steps.done("connect", network_.loop().now());
    co_await say_goodbye(**leg);
    co_return base::Result<>{};
}

/// Whether the session kept from the last probe still works.
loop::Task<bool> Prober::still_answers(backend::Leg& leg) {
    if (leg.poll_reply()) co_return false;  // 421, or the connection ended
    const auto reply = co_await leg.command("NOOP");
    co_return reply && reply->code != 421;
}

loop::Task<base::Result<>> Prober::probe_login(Watched& watched) {
    const Member member = watched.members.front();
    const auto& settings = member.subject->settings->probe;
    auto leg = std::move(watched.leg);
    // A server may end an idle session. This is not a failure.
    if (leg && !co_await still_answers(*leg)) leg.reset();
    if (!leg) {
        auto connected = co_await connect(member, watched.leg_signal);
        if (!connected) co_return std::unexpected(connected.error());
        leg = std::move(*connected);
        watched.steps.done("connect", network_.loop().now());
        auto done = co_await log_in(*leg, settings.user, member.subject->password);
        if (!done) {
            co_await say_goodbye(*leg);
            co_return done;
        }
        watched.steps.done("login", network_.loop().now());
    }
    auto facts = co_await ask_further(*leg, settings, watched.leg_signal, watched.steps);
    if (!facts) {
        co_await say_goodbye(*leg);
        co_return std::unexpected(facts.error());
    }
    if (*facts)
        for (const auto& each : watched.members)
            divergence_.note(*each.subject->pool, each.backend.name, **facts);
    if (settings.quiet)
        watched.leg = std::move(leg);
    else
        co_await say_goodbye(*leg);
    co_return base::Result<>{};
}

loop::Task<> Prober::survey_into(Watched& watched, base::Result<>& result) {
    result = co_await survey(watched);
}

loop::Task<base::Result<>> Prober::survey(Watched& watched) {
    const Member member = watched.members.front();
    const auto& settings = member.subject->settings->probe;
    loop::Signal signal(network_.loop());
    auto leg = co_await connect(member, signal);
    if (!leg) co_return std::unexpected(leg.error());
    if (settings.type == config::ProbeType::login)
        if (auto done = co_await log_in(**leg, settings.user, member.subject->password); !done)
            co_return done;
    auto learnt = co_await backend::take_survey(**leg);
    if (!learnt) co_return std::unexpected(learnt.error());
    const auto known = [](const Member& each) {
        return each.subject->contacts->known(each.backend.id);
    };
    for (const auto& each : watched.members) known(each)->set_survey(*learnt);
    // Last, because a server that does not may be confused, and needs time to show it.
    const bool is_wanted = std::ranges::any_of(
        watched.members, [](const Member& each) { return each.subject->settings->pipelining; });
    const bool takes_several =
        is_wanted && co_await backend::takes_several(**leg, learnt->noop_reply);
    for (const auto& each : watched.members) known(each)->set_takes_several(takes_several);
    std::vector<log::Field> found = {{"backend", member.backend.name},
                                     {"system", learnt->system},
                                     {"features", std::uint64_t{learnt->answers_feat}},
                                     {"pipelining", std::uint64_t{takes_several}}};
    if (learnt->takes_prot_p) found.push_back({"prot_p", std::uint64_t{*learnt->takes_prot_p}});
    if (learnt->certificate_days_left)
        found.push_back({"certificate_days_left", std::int64_t{*learnt->certificate_days_left}});
    log::write_each(log::Level::info, "backend surveyed", found);
    warn(member.backend, *learnt, (*leg)->tls_settings());
    co_await say_goodbye(**leg);
    co_return base::Result<>{};
}

}  // namespace ballast::health
