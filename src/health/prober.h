// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "backend/leg.h"
#include "base/error.h"
#include "health/divergence.h"
#include "health/probe_record.h"
#include "health/script.h"
#include "health/steps.h"
#include "loop/job.h"
#include "metrics/backend_figures.h"
#include "net/network.h"
#include "pool/pool.h"

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::health {

/// Probes the backends of all pools again and again. Surveys each backend when it is new and
/// whenever it comes up. Pools with the same backend and the same questions share one probe. Lives
/// on the control thread's loop.
class Prober {
public:
    struct Subject {
        Subject(std::shared_ptr<pool::Pool> probed, std::shared_ptr<const backend::Contacts> how,
                std::string secret)
            : pool(std::move(probed)),
              settings(pool->settings()),
              contacts(std::move(how)),
              password(std::move(secret)) {}

        std::shared_ptr<pool::Pool> pool;
        std::shared_ptr<const config::Pool> settings;
        std::shared_ptr<const backend::Contacts> contacts;
        std::string password;  ///< of `probe.user`
    };
    using RunScript = std::function<loop::Task<base::Result<>>(ScriptRun)>;

    /// `network` must outlive the prober. `run_script` runs probes of type `script`.
    Prober(net::Network& network, std::vector<Subject> subjects, RunScript run_script,
           std::uint64_t seed);

    void start();
    /// Replaces the pools. A probe whose question stays the same goes on.
    void set_subjects(std::vector<Subject> subjects);

    // For operators

    /// The latest probes of a backend, the newest last.
    struct History {
        std::string pool;
        pool::Backend backend;
        std::deque<ProbeRecord> probes;
    };
    [[nodiscard]] std::vector<History> histories() const;
    /// Probes the backend with this configured name now, at all its addresses. False: there is no
    /// such backend, or it has no probes.
    bool probe_now(std::string_view pool, std::string_view backend);

    // The other balancers of a cluster

    /// What a probe found out about one backend of one pool.
    struct Outcome {
        std::string pool;
        std::string backend;  ///< its configured name
        base::Address address;
        std::string problem;  ///< empty: the probe passed
        loop::Time::duration took{};
    };
    using Tell = std::function<void(const Outcome&)>;
    /// Is called with the outcome of each probe that is made here. Null: not any more.
    void set_tell(Tell tell) { tell_ = std::move(tell); }
    /// Whether another balancer probes this pool's backends, and `take` says what it finds. Then
    /// only surveys, and probes that an operator asks for, are made here.
    void set_silent(std::string_view pool, bool wanted);
    /// An outcome from elsewhere. Of no use, and false, if the pool is not silent or unknown.
    bool take(const Outcome& outcome);

private:
    static constexpr std::size_t history_max = 32;

    /// A backend as one pool has it.
    struct Member {
        std::shared_ptr<const Subject> subject;
        pool::Backend backend;
    };
    /// One server, probed for all pools that ask it the same. Never without members.
    struct Watched {
        explicit Watched(loop::Loop& loop) : signal(loop), leg_signal(loop) {}
        std::vector<Member> members;
        loop::Signal signal;
        loop::Signal leg_signal;            // outlives the leg
        std::unique_ptr<backend::Leg> leg;  // kept between quiet probes
        StepTimes steps;                    // of the probe that runs
        std::deque<ProbeRecord> history;
        std::string survey_problem;  // why the last survey failed, as logged; empty: it did not
        bool is_survey_due = true;
        bool is_wanted = false;  // an operator wants a probe now
        loop::Job job;
    };
    [[nodiscard]] loop::Task<> follow_pools();
    void look_at_pools();
    [[nodiscard]] static std::vector<Member> still_present(const std::vector<Member>& members,
                                                           const std::vector<Member>& present);
    /// One answer serves both, if it is the same server.
    [[nodiscard]] static bool asks_the_same(const Member& a, const Member& b);
    static void tell_newcomer(const Member& known, const Member& newcomer);
    [[nodiscard]] Watched* find_like(const Member& member);
    [[nodiscard]] loop::Task<> probe_for_ever(Watched& watched);
    [[nodiscard]] loop::Task<> probe_once(Watched& watched);
    [[nodiscard]] loop::Task<> rest(Watched& watched);
    [[nodiscard]] bool is_silent(const Member& member) const;
    [[nodiscard]] std::vector<Member> askers_of(const Watched& watched, bool is_wanted) const;
    [[nodiscard]] bool report(std::span<const Member> askers, const base::Result<>& answer,
                              loop::Time::duration taken);
    static bool judge(const Member& member, const std::string& problem);
    void tell(const Member& member, const std::string& problem, loop::Time::duration taken) const;
    static void remember(Watched& watched, ProbeRecord probe);
    static void count(std::span<const Member> askers, metrics::ProbeResult result,
                      loop::Time::duration taken);
    void note_not_made(const base::Error& reason, std::span<const Member> askers);
    /// False: the survey is still due.
    [[nodiscard]] loop::Task<bool> survey_now(Watched& watched);
    void note_survey_failed(Watched& watched, const base::Error& reason);
    /// Asks one question within the probe's timeout, whatever the backend does.
    enum class Question : std::uint8_t { probe, survey };
    [[nodiscard]] loop::Task<base::Result<>> ask(Question question, Watched& watched);
    [[nodiscard]] loop::Task<> probe(Watched& watched, base::Result<>& result);
    [[nodiscard]] loop::Task<base::Result<>> probe_tcp(const Member& member);
    [[nodiscard]] loop::Task<base::Result<>> probe_script(const Member& member);
    [[nodiscard]] loop::Task<base::Result<>> probe_banner(Watched& watched);
    [[nodiscard]] loop::Task<base::Result<>> probe_login(Watched& watched);
    [[nodiscard]] loop::Task<base::Result<>> survey(Watched& watched);
    [[nodiscard]] loop::Task<> survey_into(Watched& watched, base::Result<>& result);
    [[nodiscard]] loop::Task<bool> still_answers(backend::Leg& leg);
    [[nodiscard]] loop::Task<base::Result<std::unique_ptr<backend::Leg>>> connect(
        const Member& member, loop::Signal& signal);
    [[nodiscard]] loop::Deadline next_probe(const Watched& watched);

    net::Network& network_;
    std::vector<std::shared_ptr<const Subject>> subjects_;
    const RunScript run_script_;
    std::mt19937_64 random_;
    loop::Signal signal_;
    loop::Time next_note_;  // when to log again that probes cannot be made
    Divergence divergence_;
    Tell tell_;
    std::set<std::string, std::less<>> silent_;  // names of pools
    std::list<Watched> watched_;
    loop::Job job_;
};

}  // namespace ballast::health
