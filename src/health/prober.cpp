// SPDX-License-Identifier: Apache-2.0
#include "health/prober.h"

#include "backend/survey.h"
#include "base/log.h"
#include "metrics/counters.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <vector>

namespace ballast::health {

namespace {

/// How often the pool is looked at for backends that came or went (a name's addresses change).
constexpr auto pool_look_interval = std::chrono::seconds(1);
/// How often a backend without probes is asked for a survey until it has answered one.
constexpr auto survey_retry_interval = std::chrono::seconds(30);
/// Where TLS is to be as with the client: a probe's password shall not go in clear.
constexpr bool probes_have_tls = true;
/// How long before the end of a backend's certificate it is warned about.
constexpr int certificate_days_min = 14;

/// What an operator should know before a user meets it.
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

}  // namespace

Prober::Prober(net::Network& network, std::shared_ptr<pool::Pool> pool,
               const backend::Access& access, std::string password, std::uint64_t seed)
    : network_(network),
      pool_(std::move(pool)),
      access_(access),
      password_(std::move(password)),
      random_(seed),
      signal_(network.loop()) {}

backend::Contact Prober::contact(const pool::Backend& backend) const {
    return access_.contact(backend.settings, backend.id, backend.address);
}

void Prober::start() { job_ = loop::Job::start(follow_pool()); }

loop::Task<> Prober::follow_pool() {
    for (;;) {
        std::set<pool::BackendId> present;
        for (const auto& status : pool_->status()) {
            present.insert(status.backend.id);
            auto& watched = watched_[status.backend.id];
            if (watched) continue;
            watched = std::make_unique<Watched>(network_.loop());
            watched->job = loop::Job::start(probe_for_ever(status.backend, watched->signal));
        }
        std::erase_if(watched_, [&](const auto& entry) { return !present.contains(entry.first); });
        (void)co_await signal_.wait(network_.loop().after(pool_look_interval));
    }
}

loop::Deadline Prober::next_probe() {
    const auto& settings = pool_->config().probe;
    if (settings.type == config::ProbeType::none)
        return network_.loop().after(survey_retry_interval);
    const auto jitter = static_cast<double>(settings.jitter_percent) / 100;
    std::uniform_real_distribution<double> factor(1 - jitter, 1 + jitter);
    return network_.loop().after(
        std::chrono::duration_cast<std::chrono::microseconds>(settings.interval * factor(random_)));
}

loop::Task<> Prober::probe_for_ever(pool::Backend backend, loop::Signal& signal) {
    const bool only_survey = pool_->config().probe.type == config::ProbeType::none;
    bool survey_due = true;
    for (;;) {
        base::Result<> passed;
        if (!only_survey) {
            passed = co_await ask(Question::probe, backend);
            metrics::count(passed ? metrics::Counter::probes_passed
                                  : metrics::Counter::probes_failed);
        }
        if (!passed) {
            survey_due = true;  // it may come back as another program
            log::debug("probe failed",
                       {{"backend", backend.name}, {"reason", base::to_string(passed.error())}});
            pool_->probe_failed(backend.id, base::to_string(passed.error()));
        } else {
            if (survey_due) survey_due = !co_await ask(Question::survey, backend);
            // A rise by itself (live sessions had brought it down) asks for a survey too.
            if (!only_survey && pool_->probe_passed(backend.id) && !survey_due)
                survey_due = !co_await ask(Question::survey, backend);
            if (only_survey && !survey_due) co_return;
        }
        (void)co_await signal.wait(next_probe());
    }
}

loop::Task<base::Result<>> Prober::ask(Question question, pool::Backend backend) {
    const auto deadline = network_.loop().after(pool_->config().probe.timeout);
    loop::Signal done(network_.loop());
    loop::Signal leg_signal(network_.loop());
    base::Result<> result;
    auto job = loop::Job::start(question == Question::probe ? probe(backend, leg_signal, result)
                                                            : survey(backend, leg_signal, result),
                                &done);
    if (!job.is_done()) (void)co_await done.wait(deadline);
    if (!job.is_done())
        co_return std::unexpected(base::Error{base::Fault::backend,
                                              std::make_error_code(std::errc::timed_out),
                                              "probing " + base::to_string(backend.address)});
    co_return result;
}

loop::Task<> Prober::probe(pool::Backend backend, loop::Signal& signal, base::Result<>& result) {
    const auto& settings = pool_->config();
    if (settings.probe.type == config::ProbeType::tcp) {
        const auto stream = co_await network_.dial(
            {.to = backend.address, .from = {}, .fault = base::Fault::backend},
            network_.loop().after(settings.probe.timeout));
        if (!stream) result = std::unexpected(stream.error());
        co_return;
    }
    auto leg = co_await backend::Leg::connect(network_, contact(backend), probes_have_tls, signal);
    if (!leg) {
        result = std::unexpected(leg.error());
        co_return;
    }
    result = co_await log_in(**leg);
    // A client that says goodbye leaves no warning in the backend's log.
    (void)co_await (*leg)->command("QUIT");
}

loop::Task<> Prober::survey(pool::Backend backend, loop::Signal& signal, base::Result<>& result) {
    const auto& settings = pool_->config();
    auto leg = co_await backend::Leg::connect(network_, contact(backend), probes_have_tls, signal);
    if (leg && settings.probe.type == config::ProbeType::login) result = co_await log_in(**leg);
    if (!leg) result = std::unexpected(leg.error());
    if (!result) co_return;
    auto learnt = co_await backend::take_survey(**leg);
    if (!learnt) {
        result = std::unexpected(learnt.error());
        co_return;
    }
    std::vector<log::Field> found = {{"backend", backend.name},
                                     {"system", learnt->system},
                                     {"features", std::uint64_t{learnt->answers_feat}}};
    if (learnt->takes_prot_p) found.push_back({"prot_p", std::uint64_t{*learnt->takes_prot_p}});
    if (learnt->certificate_days_left)
        found.push_back({"certificate_days_left", std::int64_t{*learnt->certificate_days_left}});
    log::write(log::Level::info, "backend surveyed", found);
    warn(backend, *learnt, (*leg)->tls_settings());
    access_.known(backend.id)->set_survey(std::move(*learnt));
    (void)co_await (*leg)->command("QUIT");
}

loop::Task<base::Result<>> Prober::log_in(backend::Leg& leg) {
    const auto refused = [](std::string_view verb, const ftp::Reply& reply) {
        return std::unexpected(
            base::Error{base::Fault::backend,
                        {},
                        fmt::format("{} was answered {} {}", verb, reply.code, reply.message())});
    };
    const auto user = co_await leg.command("USER " + pool_->config().probe.user);
    if (!user) co_return std::unexpected(user.error());
    if (user->is_positive()) co_return base::Result<>{};
    if (user->code != 331) co_return refused("USER", *user);
    const auto password = co_await leg.command("PASS " + password_);
    if (!password) co_return std::unexpected(password.error());
    // The text might repeat the password.
    if (!password->is_positive()) co_return refused("PASS", {password->code, {}});
    co_return base::Result<>{};
}

}  // namespace ballast::health
