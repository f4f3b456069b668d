// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include "admin/actions.h"
#include "admin/server.h"
#include "base/log.h"
#include "base/owned_fd.h"
#include "config/changes.h"
#include "daemon/doors.h"
#include "daemon/logs.h"
#include "daemon/memory.h"
#include "daemon/operators.h"
#include "daemon/port_settings.h"
#include "daemon/privileges.h"
#include "daemon/probe_secrets.h"
#include "daemon/reload.h"
#include "daemon/serving.h"
#include "daemon/signals.h"
#include "daemon/tls.h"
#include "daemon/worker.h"
#include "guard/ledger.h"
#include "metrics/counters.h"
#include "net/presence.h"
#include "session/limit_note.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <random>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <thread>
#include <unistd.h>

namespace ballast::daemon {

namespace {

/// How often to look at changing files and memory, and to notify the watchdog.
constexpr auto watch_interval = std::chrono::seconds(1);
/// After so many of these, passive ports of former configurations may be closed.
constexpr std::uint64_t retire_every = 10;
/// How soon a queue notices places that become free by time alone.
constexpr auto pools_interval = std::chrono::milliseconds(200);

/// Everything that runs, wired together. The caller's thread is the control thread: signals,
/// probes, reloads.
class Daemon {
public:
    Daemon(Parts parts, base::OwnedFd signals, const char* file);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// False if a listener cannot be bound or signals cannot be watched. The reason goes to
    /// standard error.
    [[nodiscard]] bool bind();
    void run();

private:
    void take_client(base::OwnedFd client, base::Address peer, std::string_view listener,
                     bool begins_with_tls);
    void serve_operators();
    [[nodiscard]] loop::Task<> follow_signals();
    [[nodiscard]] loop::Task<> follow_itself();
    [[nodiscard]] loop::Task<> follow_pools();
    void reload(admin::Actions::Reloaded done);
    void begin_reload();
    void end_reload(Reload::Read read);
    [[nodiscard]] admin::ReloadReport apply(Reload::Read& read);
    void stop();
    void log_counters() const;
    [[nodiscard]] std::string new_session_id();

    const std::string file_;
    const std::shared_ptr<const config::Config> started_with_;
    Parts first_;  // until `run`
    guard::Ledger ledger_;
    std::size_t memory_max_;
    net::PassivePorts ports_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::uint64_t id_salt_;
    std::atomic<std::uint64_t> sessions_begun_ = 0;

    loop::WorkerLoop control_;
    net::SocketNetwork control_network_;
    Serving serving_;
    Doors doors_;
    Reload reload_;
    Operators operators_;
    admin::OperatorSocket operator_socket_;  // until `run`
    std::optional<admin::Server> operator_server_;
    std::vector<admin::Actions::Reloaded> reload_asked_;  // by the reload that runs
    std::vector<admin::Actions::Reloaded> reload_asked_again_;
    bool reloads_ = false;
    loop::Signal signalled_;
    base::OwnedFd unwatched_signals_;
    loop::Descriptor signals_;
    std::size_t workers_busy_ = 0;
    bool stopping_ = false;
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

std::uint32_t worker_count(const config::Config& config) {
    if (config.workers != 0) return config.workers;
    return std::max(1U, std::thread::hardware_concurrency());
}

/// The configured number, or what the descriptors allow. Each session needs two, and a third if a
/// backend's data connection is already opened at PASV. Some stay free for transfers, probes and
/// passive ports.
std::uint32_t sessions_max(const config::Config& config) {
    if (config.limits.sessions != 0) return config.limits.sessions;
    const bool follows_clients = std::ranges::any_of(config.pools, [](const config::Pool& pool) {
        return pool.backend_data == config::BackendData::as_client;
    });
    const rlim_t each = follows_clients ? 3 : 2;
    constexpr rlim_t kept_part = 25;  // one in so many
    constexpr rlim_t kept_min = 64;
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    const auto there_are = std::min<rlim_t>(descriptors.rlim_cur, 2'000'000);
    const auto kept = std::max(kept_min, there_are / kept_part);
    return there_are > kept + each ? static_cast<std::uint32_t>((there_are - kept) / each) : 1;
}

std::size_t memory_max(const config::Config& config) {
    return config.limits.memory != 0 ? config.limits.memory : memory_there_is() / 10 * 9;
}

/// A part of the snapshot, which keeps all of it alive.
std::shared_ptr<const config::Limits> limits_of(
    const std::shared_ptr<const config::Config>& config) {
    return {config, &config->limits};
}

Daemon::Daemon(Parts parts, base::OwnedFd signals, const char* file)
    : file_(file),
      started_with_(parts.config),
      first_(std::move(parts)),
      ledger_(limits_of(started_with_), sessions_max(*started_with_),
              std::chrono::steady_clock::now()),
      memory_max_(memory_max(*started_with_)),
      ports_(random_seed(), port_settings(*started_with_)),
      id_salt_(random_seed()),
      control_network_(control_, ports_, worker_count(*started_with_),
                       net::Descriptors::with_reserve),
      serving_(control_, control_network_, ledger_, random_seed()),
      doors_(workers_,
             [this](base::OwnedFd client, base::Address peer, std::string_view listener,
                    bool begins_with_tls) {
                 take_client(std::move(client), peer, listener, begins_with_tls);
             }),
      reload_(control_, file_),
      operators_([this]() -> const session::Pools& { return serving_.pools(); }, ledger_, workers_),
      signalled_(control_),
      unwatched_signals_(std::move(signals)),
      watch_due_(control_),
      pools_due_(control_) {
    std::vector<net::SocketNetwork*> networks;
    for (std::uint32_t i = 0; i < worker_count(*started_with_); ++i) {
        workers_.push_back(std::make_unique<Worker>(ports_, i));
        networks.push_back(&workers_.back()->network());
    }
    // Probes also wait for data connections, which may arrive at a port that a worker listens on.
    networks.push_back(&control_network_);
    for (auto* const network : networks) network->connect_workers(networks);
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
    auto problems = doors_.prepare(*started_with_);
    auto socket = admin::open_socket(*started_with_);
    if (socket)
        operator_socket_ = std::move(*socket);
    else
        problems.push_back(std::move(socket.error()));
    for (const auto& problem : problems)
        fmt::print(stderr, "{}\n", config::to_string(problem, file_));
    return problems.empty();
}

void Daemon::serve_operators() {
    auto actions =
        operators_.actions([this](admin::Actions::Reloaded done) { reload(std::move(done)); });
    operator_server_.emplace(control_, std::move(operator_socket_), std::move(actions),
                             started_with_->admin.state_file);
    operator_server_->restore();
}

/// A connection goes to the least loaded worker, not to the one that woke first: FTP sessions are
/// few, long and heavy.
void Daemon::take_client(base::OwnedFd client, base::Address peer, std::string_view listener,
                         bool begins_with_tls) {
    auto service = serving_.service(listener);
    if (!service) return;
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

/// Unique in this process, and unlikely to be used by another.
std::string Daemon::new_session_id() {
    return fmt::format("{:08x}{:x}", static_cast<std::uint32_t>(id_salt_),
                       sessions_begun_.fetch_add(1));
}

void Daemon::run() {
    for (const auto& worker : workers_) worker->start();
    serving_.use(std::move(first_));
    serve_operators();
    doors_.switch_over();
    signal_job_ = loop::Job::start(follow_signals());
    watch_job_ = loop::Job::start(follow_itself());
    pools_job_ = loop::Job::start(follow_pools());
    log::info("ready", {{"version", std::string_view(BALLAST_VERSION)},
                        {"workers", std::uint64_t{workers_.size()}},
                        {"pid", std::int64_t{::getpid()}}});
    sd_notify(0, "READY=1");
    control_.run();
    sd_notify(0, "STOPPING=1");
    signal_job_.cancel();
    watch_job_.cancel();
    pools_job_.cancel();
    serving_.stop();
    for (const auto& worker : workers_) worker->end();
    log_counters();
    log::info("ended");
}

loop::Task<> Daemon::follow_signals() {
    signals_.attach(&signalled_);
    loop::Deadline last_moment = loop::never;
    for (;;) {
        signalfd_siginfo info{};
        while (::read(signals_.native(), &info, sizeof info) == sizeof info) {
            switch (info.ssi_signo) {
                case SIGHUP: reload([](const admin::ReloadReport&) {}); break;
                case SIGUSR1: log_counters(); break;
                case SIGTERM:
                case SIGINT:
                    if (stopping_) co_return control_.stop();
                    last_moment = control_.after(serving_.config()->shutdown_timeout);
                    stop();
                    break;
                default: note_ignored_signal(info); break;
            }
        }
        if (control_.now() >= last_moment) co_return control_.stop();
        signals_.watch_readable();
        (void)co_await signalled_.wait(last_moment);
    }
}

loop::Task<> Daemon::follow_itself() {
    for (std::uint64_t turn = 0;; ++turn) {
        log::tell_left_out();
        ledger_.look_at_memory(memory_taken(), memory_max_);
        for (const auto& worker : workers_) worker->look_at_turn();
        if (turn % retire_every == 0) {
            for (const auto& worker : workers_) worker->retire_ports();
            control_network_.retire_ports();
        }
        sd_notify(0, "WATCHDOG=1");
        (void)co_await watch_due_.wait(control_.after(watch_interval));
    }
}

loop::Task<> Daemon::follow_pools() {
    for (;;) {
        for (const auto& each : serving_.pools().all()) each.pool->tick();
        (void)co_await pools_due_.wait(control_.after(pools_interval));
    }
}

/// One that is asked for while another runs begins after it: the file may have changed since it was
/// read.
void Daemon::reload(admin::Actions::Reloaded done) {
    (reloads_ ? reload_asked_again_ : reload_asked_).push_back(std::move(done));
    log::reopen();
    if (!reloads_) begin_reload();
}

void Daemon::begin_reload() {
    reloads_ = true;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
    reload_.begin(serving_.tls(), [this](Reload::Read read) { end_reload(std::move(read)); });
}

void Daemon::end_reload(Reload::Read read) {
    const auto report = apply(read);
    sd_notify(0, "READY=1");
    for (auto& done : std::exchange(reload_asked_, {})) done(report);
    reloads_ = false;
    reload_asked_ = std::exchange(reload_asked_again_, {});
    if (!reload_asked_.empty()) begin_reload();
}

/// All of it, or nothing if there is a problem.
admin::ReloadReport Daemon::apply(Reload::Read& read) {
    admin::ReloadReport report;
    if (stopping_) {
        report.problems.emplace_back("Ballast is stopping");
        return report;
    }
    if (read.parts)
        std::ranges::move(doors_.prepare(*read.parts->config), std::back_inserter(read.problems));
    for (const auto& problem : read.problems)
        (problem.severity == config::Severity::error ? report.problems : report.warnings)
            .push_back(config::to_string(problem, file_));
    log_problems(read.problems, file_);
    if (!report.problems.empty()) {
        log::write_each(log::Level::warning,
                        "the configuration was not reloaded, nothing has changed",
                        {{"file", file_}, {"problems", std::uint64_t{report.problems.size()}}});
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
    serving_.use(std::move(*read.parts));
    operators_.pools_changed();
    operator_server_->restore();
    doors_.switch_over();
    report.applied = true;
    log::write_each(log::Level::info, "configuration reloaded",
                    {{"file", file_},
                     {"listeners", std::uint64_t{config->listeners.size()}},
                     {"pools", std::uint64_t{config->pools.size()}}});
    return report;
}

void Daemon::stop() {
    stopping_ = true;
    doors_.close();
    const auto timeout = serving_.config()->shutdown_timeout;
    log::info("stopping: no new sessions, running transfers may finish",
              {{"seconds",
                std::int64_t{std::chrono::duration_cast<std::chrono::seconds>(timeout).count()}}});
    workers_busy_ = workers_.size();
    for (const auto& worker : workers_)
        worker->stop_sessions([this] {
            control_.post([this] {
                if (--workers_busy_ == 0) control_.stop();
            });
        });
}

void Daemon::log_counters() const {
    std::vector<log::Field> fields;
    for (const auto& row : metrics::all_counters())
        fields.push_back({row.name, metrics::total(row.counter)});
    log::write_each(log::Level::info, "counters", fields);
}

/// The exit status of a start that failed.
int print(const std::vector<config::Problem>& problems, const char* file) {
    for (const auto& problem : problems)
        fmt::print(stderr, "{}\n", config::to_string(problem, file));
    return 1;
}

/// Each session needs two descriptors and each transfer two more.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    constexpr rlim_t reserve_max = 32;
    constexpr rlim_t reserve_part = 8;  // one in so many
    const auto highest = std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max());
    net::reserve_descriptors(
        static_cast<int>(highest - std::min(reserve_max, highest / reserve_part)));
}

}  // namespace

int run(std::shared_ptr<const config::Config> config, const std::vector<config::Problem>& warnings,
        const char* file) {
    std::vector<config::Problem> problems;
    Parts parts{config, std::make_shared<Tls>(*config, problems),
                read_probe_secrets(*config, problems)};
    if (config::has_errors(problems)) return print(problems, file);  // files changed meanwhile
    raise_descriptor_limit();
    if (!config->core_dumps) hide_memory();
    net::announce_as({static_cast<std::uint32_t>(::getpid()), net::file_mark(file)});
    auto signals = take_over_signals();
    Daemon daemon(std::move(parts), std::move(signals), file);
    if (!daemon.bind()) return 1;
    if (!open_logs(*config)) {
        fmt::print(stderr, "{}: the log files cannot be opened: {}\n", file,
                   std::error_code(errno, std::system_category()).message());
        return 1;
    }
    log_problems(warnings, file);
    daemon.run();
    log::stop();
    return 0;
}

}  // namespace ballast::daemon
