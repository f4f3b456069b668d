// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include "admin/actions.h"
#include "admin/server.h"
#include "base/log.h"
#include "base/owned_fd.h"
#include "config/changes.h"
#include "daemon/census.h"
#include "daemon/doors.h"
#include "daemon/explainer.h"
#include "daemon/inheritance.h"
#include "daemon/installed_program.h"
#include "daemon/kernel_path.h"
#include "daemon/logs.h"
#include "daemon/memory.h"
#include "daemon/metrics_source.h"
#include "daemon/nodes.h"
#include "daemon/operator_gate.h"
#include "daemon/operators.h"
#include "daemon/overview.h"
#include "daemon/pid_file.h"
#include "daemon/port_settings.h"
#include "daemon/predecessor.h"
#include "daemon/privileges.h"
#include "daemon/probe_secrets.h"
#include "daemon/reload.h"
#include "daemon/serving.h"
#include "daemon/signals.h"
#include "daemon/sizes.h"
#include "daemon/successor.h"
#include "daemon/tls.h"
#include "daemon/upgrade.h"
#include "daemon/worker.h"
#include "events/bus.h"
#include "guard/ledger.h"
#include "metrics/counters.h"
#include "net/presence.h"
#include "session/limit_note.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <iterator>
#include <random>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace ballast::daemon {

namespace {

/// How often to look at changing files and memory, and to notify the watchdog.
constexpr auto watch_interval = std::chrono::seconds(1);
/// After so many of these, passive ports of former configurations may be closed.
constexpr std::uint64_t retire_every = 10;
/// How soon a queue notices places that become free by time alone.
constexpr auto pools_interval = std::chrono::milliseconds(200);

/// Ends replaced processes with the one that serves.
constexpr std::string_view stop_word = "stop";

/// Everything that runs, wired together. The caller's thread is the control thread: signals,
/// probes, reloads.
class Daemon {
public:
    Daemon(Parts parts, base::OwnedFd signals, const Arguments& arguments, Inheritance inheritance);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// False if a listener cannot be bound, signals cannot be watched, or the pid file cannot be
    /// written. The reason goes to standard error.
    [[nodiscard]] bool bind();
    [[nodiscard]] End run();

private:
    void take_client(base::OwnedFd client, base::Address peer, std::string_view listener,
                     bool begins_with_tls);
    void serve_operators();
    void take_operators(const base::Address& address, base::OwnedFd listening);
    void admit_operators();
    [[nodiscard]] loop::Task<> follow_signals();
    [[nodiscard]] loop::Task<> follow_itself();
    [[nodiscard]] loop::Task<> follow_pools();
    [[nodiscard]] admin::ReloadReport apply(Reload::Read& read);
    void upgrade(Upgrade::Done done);
    void begin_serving();
    [[nodiscard]] std::string_view why_no_change() const;
    void reload(admin::Actions::Reloaded done);
    void end_if_idle();
    void end();
    [[nodiscard]] loop::Task<> leave();
    void stop();
    void keep_warm(const std::shared_ptr<const session::Pools>& pools);
    [[nodiscard]] std::string new_session_id();

    const std::string file_;
    const std::string pid_path_;
    PidFile pid_file_;
    const InstalledProgram program_;
    Inheritance inheritance_;  // until `run`
    const bool replaces_ = static_cast<bool>(inheritance_.link);
    const std::shared_ptr<const config::Config> started_with_;
    Parts first_;  // until `run`
    guard::Ledger ledger_;
    std::size_t memory_max_;
    net::PassivePorts ports_;
    KernelPath kernel_path_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::uint64_t id_salt_;
    std::atomic<std::uint64_t> sessions_begun_ = 0;

    loop::WorkerLoop control_;
    net::SocketNetwork control_network_;
    Serving serving_;
    Doors doors_;
    std::vector<net::DataTaker*> takers_;
    Predecessor predecessor_;
    std::vector<net::SocketNetwork::ReleasedPort> given_ports_;  // until it has handed all over
    Upgrade upgrade_;
    Reload reload_;
    Operators operators_;
    Overview overview_;
    Census census_;
    MetricsSource metrics_;
    Explainer explainer_;
    admin::OperatorSocket operator_socket_;  // until `run`
    admin::Gate::Settings gate_;
    std::optional<admin::Server> operator_server_;
    Nodes nodes_;
    loop::Job leaving_;
    loop::Signal signalled_;
    base::OwnedFd unwatched_signals_;
    loop::Descriptor signals_;
    std::size_t workers_busy_ = 0;
    bool is_serving_ = false;
    bool stopping_ = false;
    loop::Deadline last_moment_ = loop::never;  // of a stop
    loop::Job signal_job_;
    loop::Signal watch_due_;
    loop::Job watch_job_;
    loop::Signal pools_due_;
    loop::Job pools_job_;
};

std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

/// A part of the snapshot, which keeps all of it alive.
std::shared_ptr<const config::Limits> limits_of(
    const std::shared_ptr<const config::Config>& config) {
    return {config, &config->limits};
}

Daemon::Daemon(Parts parts, base::OwnedFd signals, const Arguments& arguments,
               Inheritance inheritance)
    : file_(arguments.file),
      pid_path_(arguments.pid_file),
      pid_file_(pid_path_),
      inheritance_(std::move(inheritance)),
      started_with_(parts.config),
      first_(std::move(parts)),
      ledger_(limits_of(started_with_), sessions_max(*started_with_),
              std::chrono::steady_clock::now()),
      memory_max_(memory_max(*started_with_)),
      ports_(random_seed(), port_settings(*started_with_)),
      id_salt_(random_seed()),
      control_network_(control_, ports_, worker_count(*started_with_),
                       net::Descriptors::with_reserve),
      serving_(control_, control_network_, ledger_, kernel_path_, random_seed()),
      doors_(workers_,
             [this](base::OwnedFd client, base::Address peer, std::string_view listener,
                    bool begins_with_tls) {
                 take_client(std::move(client), peer, listener, begins_with_tls);
             },
             {.open =
                  [this](const base::Address& address, base::OwnedFd listening) {
                      take_operators(address, std::move(listening));
                  },
              .close = [this](const base::Address& address) { operator_server_->close(address); }}),
      predecessor_(control_, control_network_, ports_, worker_count(*started_with_) + 1,
                   {.handed = [this] { begin_serving(); },
                    .port =
                        [this](const net::PassivePorts::Key& key, base::OwnedFd listening) {
                            const auto worker = given_ports_.size() % workers_.size();
                            ports_.adopt_listener(key, static_cast<std::uint32_t>(worker));
                            given_ports_.push_back({key, std::move(listening)});
                        },
                    .gone =
                        [this] {
                            log::write_each(log::Level::info,
                                            "the process that was replaced has ended");
                            end_if_idle();
                        }}),
      upgrade_({control_, control_network_, ports_, workers_, doors_},
               [this](std::string_view message) {
                   message == stop_word ? stop() : operators_.obey(message);
               }),
      reload_(
          control_, file_, [this] { return serving_.tls(); },
          [this](Reload::Read& read) { return apply(read); },
          [this](const admin::ReloadReport& report) { metrics_.reloaded(report.applied); }),
      operators_(serving_, ledger_, workers_, predecessor_),
      overview_(serving_, ledger_),
      census_(control_, workers_),
      metrics_({serving_, ledger_, ports_, workers_, predecessor_, operators_}),
      explainer_(control_, workers_, serving_.stories()),
      nodes_(started_with_->cluster,
             {.control = control_,
              .network = control_network_,
              .serving = serving_,
              .operators = operators_,
              .ledger = ledger_,
              .note =
                  [this](const auto& each) {
                      operator_server_->note(each.pool, each.backend, each.state);
                  },
              .answer =
                  [this](std::string question) {
                      return operator_server_->answer_node(std::move(question));
                  }}),
      signalled_(control_),
      unwatched_signals_(std::move(signals)),
      watch_due_(control_),
      pools_due_(control_) {
    std::vector<net::SocketNetwork*> networks;
    std::vector<relay::Porter*> porters;
    for (std::uint32_t i = 0; i < worker_count(*started_with_); ++i) {
        workers_.push_back(std::make_unique<Worker>(ports_, i));
        networks.push_back(&workers_.back()->network());
        porters.push_back(&workers_.back()->porter());
    }
    for (auto* const porter : porters) porter->meet(porters);
    // Probes also wait for data connections, which may arrive at a port that a worker listens on.
    networks.push_back(&control_network_);
    takers_.assign(networks.begin(), networks.end());
    takers_.push_back(&predecessor_.taker());
    for (auto* const network : networks) network->connect_workers(takers_);
}

Daemon::~Daemon() {
    for (const auto& worker : workers_) worker->end();
}

bool Daemon::bind() {
    auto watched = loop::Descriptor::open(control_, unwatched_signals_.get());
    if (!watched) {
        fmt::print(stderr, "{}: {}\n", file_, base::to_string(watched.error()));
        return false;
    }
    (void)unwatched_signals_.release();
    signals_ = std::move(*watched);
    auto problems = doors_.prepare(*started_with_, std::move(inheritance_.listeners));
    std::ranges::move(kernel_path_.prepare(*started_with_), std::back_inserter(problems));
    kernel_path_.use(*started_with_);
    // Another process still has it otherwise.
    if (!replaces_) {
        auto socket = admin::open_socket(*started_with_);
        if (socket)
            operator_socket_ = std::move(*socket);
        else
            problems.push_back(std::move(socket.error()));
    }
    if (const auto opened = nodes_.open(started_with_->cluster, random_seed()); !opened)
        problems.push_back({started_with_->places.of("cluster.store"),
                            base::to_string(opened.error()),
                            "correct the file, or its permissions"});
    if (const auto prepared = pid_file_.prepare(); !prepared)
        problems.push_back({{.key = "--pid-file"},
                            base::to_string(prepared.error()),
                            "name a file in a folder that this user may write to"});
    tell_failure(inheritance_.link, problems, file_);
    return problems.empty();
}

void Daemon::serve_operators() {
    if (replaces_) {
        auto socket = admin::open_socket(*started_with_, replaces_);
        if (!socket)
            log::error("the socket for operators cannot be opened",
                       {{"reason", socket.error().what}, {"cure", socket.error().fix}});
        if (socket)
            operator_socket_ = std::move(*socket);
        else
            operator_socket_.why_not = std::move(socket.error().what);
    }
    auto actions = operators_.actions();
    overview_.add_to(actions);
    actions.sessions = [this](auto query) { return census_.sessions(std::move(query)); };
    actions.session = [this](auto id) { return census_.session(std::move(id)); };
    actions.act = [this](auto id, auto act) { return census_.act(std::move(id), act); };
    actions.reload = [this](admin::Actions::Reloaded done) { reload(std::move(done)); };
    actions.upgrade = [this](admin::Actions::Upgraded done) {
        upgrade([done = std::move(done)](const base::Result<pid_t>& pid) mutable {
            if (pid)
                done({*pid, {}});
            else
                done({0, base::to_string(pid.error())});
        });
    };
    actions.has_new_program = [this] { return program_.is_new(); };
    actions.metrics = [this] { return metrics_.look(); };
    actions.story = [this](std::string session) { return explainer_.story(std::move(session)); };
    actions.find_stories = [this](session::StoryQuery query, std::size_t max, std::uint64_t from) {
        return explainer_.find(std::move(query), max, from);
    };
    actions.stories_size = [this] { return serving_.stories().size(); };
    nodes_.add_to(actions);
    operator_server_.emplace(control_, std::move(operator_socket_), std::move(actions),
                             started_with_->admin.state_file);
    admit_operators();
    operator_server_->restore();
    operator_server_->show(admin::page_files());
    for (const auto& each : inheritance_.decisions)
        operator_server_->note(each.pool, each.backend, each.state);
}

void Daemon::take_operators(const base::Address& address, base::OwnedFd listening) {
    if (const auto opened = operator_server_->open(address, std::move(listening)); !opened)
        log::write_each(
            log::Level::error, "an address cannot be listened on",
            {{"address", base::to_string(address)}, {"reason", base::to_string(opened.error())}});
}

/// With what the configuration says now.
void Daemon::admit_operators() {
    const auto& tls = serving_.config()->admin.tls;
    operator_server_->use(
        {.gate = admin::Gate(gate_),
         .tls = serving_.tls()->operators_server(),
         .handshake_timeout = tls ? tls->handshake_timeout : loop::Time::duration()});
}

/// A connection goes to the least loaded worker, not to the one that woke first: FTP sessions are
/// few, long and heavy.
void Daemon::take_client(base::OwnedFd client, base::Address peer, std::string_view listener,
                         bool begins_with_tls) {
    auto service = serving_.service(listener);
    if (!service) return;
    // A reload has just taken its TLS away, and the socket is about to be closed.
    const bool has_tls =
        service->tls || service->listener->mode == config::ListenerMode::passthrough;
    if (begins_with_tls && !has_tls) return;
    service->begins_with_tls = begins_with_tls;
    auto accepted = ledger_.accept();
    if (!accepted) {
        session::note_limit(ledger_, accepted.error(), *service->listener,
                            base::to_string(peer.ip));
        return net::refuse(std::move(client), last_words(begins_with_tls, accepted.error()));
    }
    const auto& least =
        *std::ranges::min_element(workers_, {}, [](const auto& worker) { return worker->load(); });
    least->adopt(std::move(client), peer, std::move(*service), new_session_id(),
                 std::move(*accepted));
}

void Daemon::keep_warm(const std::shared_ptr<const session::Pools>& pools) {
    for (const auto& worker : workers_)
        worker->keep_warm(pools, static_cast<std::uint32_t>(workers_.size()));
}

/// Unique in this process, and unlikely to be used by another.
std::string Daemon::new_session_id() {
    return fmt::format("{:08x}{:x}", static_cast<std::uint32_t>(id_salt_),
                       sessions_begun_.fetch_add(1));
}

End Daemon::run() {
    for (const auto& worker : workers_) worker->start();
    gate_ = std::move(first_.gate);
    serving_.use(std::move(first_));
    keep_warm(serving_.shared_pools());
    serving_.inherit(inheritance_);
    for (const auto& each : inheritance_.decisions) (void)operators_.decide(each);
    for (const auto& each : inheritance_.tuned) operators_.tune(each);
    signal_job_ = loop::Job::start(follow_signals());
    watch_job_ = loop::Job::start(follow_itself());
    pools_job_ = loop::Job::start(follow_pools());
    if (!inheritance_.link) {
        begin_serving();
    } else if (auto begun = predecessor_.begin(std::move(inheritance_.link)); !begun) {
        log::error("the process to be replaced cannot be heard",
                   {{"reason", base::to_string(begun.error())}});
        return End::failed;
    }
    control_.run();
    const auto cut = operators_.load();
    signal_job_.cancel();
    watch_job_.cancel();
    pools_job_.cancel();
    leaving_.cancel();
    // Each of them may wait for the other: requests for other nodes, and requests of theirs.
    nodes_.stop_answering();
    operator_server_.reset();
    reload_.stop();
    serving_.stop();
    for (const auto& worker : workers_) worker->end();
    log_counters();
    if (cut.sessions > 0)
        log::warning("sessions were cut", {{"sessions", std::uint64_t{cut.sessions}},
                                           {"transfers", std::uint64_t{cut.transfers}}});
    log::info("ended");
    return cut.sessions > 0 ? End::cut : End::whole;
}

/// The process that was here before has stopped accepting, if there was one.
void Daemon::begin_serving() {
    for (std::size_t i = 0; i < given_ports_.size(); ++i)
        workers_[i % workers_.size()]->adopt_port(given_ports_[i].key,
                                                  std::move(given_ports_[i].listening));
    given_ports_.clear();
    is_serving_ = true;
    serve_operators();
    doors_.switch_over();
    if (const auto published = pid_file_.publish(); !published)
        log::error("the pid file cannot be written",
                   {{"reason", base::to_string(published.error())}});
    log::info("ready", {{"version", std::string_view(BALLAST_VERSION)},
                        {"workers", std::uint64_t{workers_.size()}},
                        {"pid", std::int64_t{::getpid()}}});
    if (replaces_) events::publish(events::Kind::upgrade_done, {{"pid", std::int64_t{::getpid()}}});
    // After an upgrade the service manager hears of this process from the former one.
    if (!replaces_) sd_notify(0, "READY=1");
    inheritance_.escort.end();
    predecessor_.serve();
    nodes_.start();
}

loop::Task<> Daemon::follow_signals() {
    signals_.attach(&signalled_);
    bool was_told_to_stop = false;  // by a signal; the process that replaced it may have told it
    for (;;) {
        signalfd_siginfo info{};
        while (::read(signals_.native(), &info, sizeof info) == sizeof info) {
            switch (info.ssi_signo) {
                case SIGHUP: reload([](const admin::ReloadReport&) {}); break;
                case SIGUSR1: log_counters(); break;
                case SIGUSR2: upgrade([](const base::Result<pid_t>&) {}); break;
                case SIGTERM:
                case SIGINT:
                    if (std::exchange(was_told_to_stop, true)) co_return control_.stop();
                    stop();
                    break;
                default: note_ignored_signal(info); break;
            }
        }
        if (control_.now() >= last_moment_) co_return control_.stop();
        signals_.watch_readable();
        (void)co_await signalled_.wait(last_moment_);
    }
}

loop::Task<> Daemon::follow_itself() {
    for (std::uint64_t turn = 0;; ++turn) {
        log::tell_left_out();
        ledger_.look_at_memory(memory_taken(), memory_max_);
        for (const auto& worker : workers_) worker->look_at_turn();
        kernel_path_.look();
        if (turn % retire_every == 0) {
            for (const auto& worker : workers_) worker->retire_ports();
            control_network_.retire_ports();
        }
        if (upgrade_.is_replaced()) {
            for (auto& each : operators_.load_words()) upgrade_.tell(std::move(each));
            if (!predecessor_.is_here() && operators_.load().sessions == 0) end();
        } else if (is_serving_) {
            sd_notify(0, "WATCHDOG=1");
        }
        (void)co_await watch_due_.wait(control_.after(watch_interval));
    }
}

loop::Task<> Daemon::follow_pools() {
    for (;;) {
        for (const auto& each : serving_.pools().all()) each.pool->tick();
        (void)co_await pools_due_.wait(control_.after(pools_interval));
    }
}

/// Why the configuration and the program stay as they are; empty: they may change.
std::string_view Daemon::why_no_change() const {
    if (stopping_) return "Ballast is stopping";
    if (upgrade_.is_replaced()) return "another process has replaced this one";
    if (upgrade_.is_running()) return "an upgrade is running, try again after it";
    return is_serving_ ? "" : "this process does not serve yet, try again";
}

void Daemon::upgrade(Upgrade::Done done) {
    if (const auto why = why_no_change(); !why.empty())
        return done(std::unexpected(base::Error{base::Fault::internal, {}, std::string(why)}));
    std::vector<std::string> knowledge;
    const auto add = [&](const auto& all) {
        for (const auto& each : all) knowledge.push_back(words_of(each));
    };
    add(operators_.decisions());
    add(operators_.tuned());
    add(serving_.members());
    add(serving_.public_names());
    std::vector<std::string> arguments = {program_.path(), "run", "-c", file_};
    if (!pid_path_.empty()) arguments.insert(arguments.end(), {"--pid-file", pid_path_});
    upgrade_.begin(
        {program_.path(), std::move(arguments)}, takers_, knowledge,
        [this] { nodes_.give_name_away(); },
        [this] {
            operator_server_->see_off(started_with_->admin.group);
            keep_warm(std::make_shared<const session::Pools>());  // the other process has its own
            sd_notifyf(0, "MAINPID=%d", static_cast<int>(upgrade_.successor()));
        },
        [this, done = std::move(done)](const base::Result<pid_t>& pid) mutable {
            if (!pid) metrics::count(metrics::Counter::upgrades_failed);
            if (!pid) nodes_.take_name_back();
            done(pid);
        });
}

void Daemon::reload(admin::Actions::Reloaded done) {
    operators_.reopen();
    reload_.ask(std::move(done));
}

/// All of it, or nothing if there is a problem.
admin::ReloadReport Daemon::apply(Reload::Read& read) {
    admin::ReloadReport report;
    if (const auto why = why_no_change(); !why.empty()) {
        report.problems.emplace_back(why);
        return report;
    }
    if (read.parts)
        std::ranges::move(doors_.prepare(*read.parts->config), std::back_inserter(read.problems));
    if (read.parts)
        std::ranges::move(kernel_path_.prepare(*read.parts->config),
                          std::back_inserter(read.problems));
    for (const auto& problem : read.problems)
        (problem.severity == config::Severity::error ? report.problems : report.warnings)
            .push_back(config::to_string(problem, file_));
    log_problems(read.problems, file_);
    if (!report.problems.empty()) {
        log::write_each(log::Level::warning,
                        "the configuration was not reloaded, nothing has changed",
                        {{"file", file_}, {"problems", std::uint64_t{report.problems.size()}}});
        events::publish(events::Kind::reload_refused,
                        {{"file", file_},
                         {"problems", std::uint64_t{report.problems.size()}},
                         {"reason", report.problems.front()}});
        return report;
    }
    const auto config = read.parts->config;
    report.needs_restart = config::needs_restart(*started_with_, *config);
    for (const auto& each : report.needs_restart)
        log::write_each(log::Level::warning, "a setting needs a restart", {{"setting", each}});
    change_logs(*config);
    ledger_.configure(limits_of(config), sessions_max(*config), std::chrono::steady_clock::now());
    memory_max_ = memory_max(*config);
    ports_.configure(port_settings(*config));
    gate_ = std::move(read.parts->gate);
    serving_.use(std::move(*read.parts));
    kernel_path_.use(*config);
    keep_warm(serving_.shared_pools());
    admit_operators();
    operators_.pools_changed();
    operator_server_->restore();
    nodes_.reloaded();
    doors_.switch_over();
    report.applied = true;
    log::write_each(log::Level::info, "configuration reloaded",
                    {{"file", file_},
                     {"listeners", std::uint64_t{config->listeners.size()}},
                     {"pools", std::uint64_t{config->pools.size()}}});
    events::publish(events::Kind::reload_applied, {{"file", file_}});
    return report;
}

/// It outlives the processes that it has replaced: a service manager takes its end for the end of
/// all, and would send them a second signal.
void Daemon::end_if_idle() {
    if (stopping_ && workers_busy_ == 0 && !predecessor_.is_here()) end();
}

/// Says goodbye to other nodes first.
void Daemon::end() {
    if (!leaving_.is_started()) leaving_ = loop::Job::start(leave());
}

loop::Task<> Daemon::leave() {
    co_await nodes_.leave();
    control_.stop();
}

void Daemon::stop() {
    if (std::exchange(stopping_, true)) return;
    if (!upgrade_.is_replaced()) sd_notify(0, "STOPPING=1");
    upgrade_.cancel();
    predecessor_.tell(std::string(stop_word));
    doors_.close_to_clients();
    const auto timeout = serving_.config()->shutdown_timeout;
    last_moment_ = control_.after(timeout);
    signalled_.raise();
    log::info("stopping: no new sessions, running transfers may finish",
              {{"seconds",
                std::int64_t{std::chrono::duration_cast<std::chrono::seconds>(timeout).count()}}});
    workers_busy_ = workers_.size();
    for (const auto& worker : workers_)
        worker->stop_sessions([this] {
            control_.post([this] {
                --workers_busy_;
                end_if_idle();
            });
        });
}

}  // namespace

End run(std::shared_ptr<const config::Config> config, const std::vector<config::Problem>& warnings,
        const Arguments& arguments, Inheritance inheritance) {
    std::vector<config::Problem> problems;
    Parts parts{config, std::make_shared<Tls>(*config, problems),
                read_probe_secrets(*config, problems), read_operator_gate(*config, problems)};
    // The link goes with the daemon, this copy tells what fails until it runs.
    auto link = inheritance.link.copy();
    if (config::has_errors(problems)) {  // files changed meanwhile
        tell_failure(link, problems, arguments.file);
        return End::failed;
    }
    raise_descriptor_limit();
    if (!config->core_dumps) hide_memory();
    net::announce_as({static_cast<std::uint32_t>(::getpid()), net::file_mark(arguments.file)});
    auto signals = take_over_signals();
    Daemon daemon(std::move(parts), std::move(signals), arguments, std::move(inheritance));
    if (!daemon.bind()) return End::failed;
    if (!open_logs(*config)) {
        const auto text = fmt::format("{}: the log files cannot be opened: {}", arguments.file,
                                      std::error_code(errno, std::system_category()).message());
        fmt::print(stderr, "{}\n", text);
        tell_failure(link, text);
        return End::failed;
    }
    log_problems(warnings, arguments.file);
    link = {};
    const auto end = daemon.run();
    log::stop();
    return end;
}

}  // namespace ballast::daemon
