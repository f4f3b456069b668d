// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include "backend/knowledge.h"
#include "base/file.h"
#include "base/log.h"
#include "base/owned_fd.h"
#include "config/load.h"
#include "daemon/backend_files.h"
#include "daemon/memory.h"
#include "daemon/name_watch.h"
#include "daemon/privileges.h"
#include "daemon/probe_secrets.h"
#include "daemon/public_name_watch.h"
#include "daemon/services.h"
#include "daemon/signals.h"
#include "daemon/tls.h"
#include "daemon/worker.h"
#include "guard/ledger.h"
#include "health/prober.h"
#include "metrics/counters.h"
#include "net/presence.h"
#include "session/limit_note.h"
#include "session/transfer_log.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <limits>
#include <mutex>
#include <random>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <thread>
#include <unistd.h>

namespace ballast::daemon {

namespace {

constexpr int control_backlog = 1024;
/// How often to look at changing files and memory, and to notify the watchdog.
constexpr auto watch_interval = std::chrono::seconds(1);
/// How soon a queue notices places that become free by time alone.
constexpr auto pools_interval = std::chrono::milliseconds(200);

/// Everything that runs, wired together. The caller's thread is the control thread: signals and
/// probes.
class Daemon {
public:
    Daemon(std::shared_ptr<const config::Config> config, Tls tls, ProbeSecrets secrets,
           base::OwnedFd signals);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// False if a listener cannot be bound or signals cannot be watched. The reason goes to
    /// standard error.
    [[nodiscard]] bool bind(const char* file);
    void run();

private:
    struct Bound {
        std::string listener;  ///< its name
        base::Address address;
        bool begins_with_tls;
        base::OwnedFd socket;
    };
    void start_pools();
    void start_listening();
    void take_client(base::OwnedFd client, base::Address peer, std::string_view listener,
                     bool begins_with_tls);
    [[nodiscard]] bool bind(const config::Listener& listener,
                            const std::vector<base::Address>& addresses, std::string_view key,
                            bool begins_with_tls, const char* file);
    [[nodiscard]] loop::Task<> follow_signals();
    void watch_files(const std::stop_token& stop);
    [[nodiscard]] loop::Task<> follow_itself();
    [[nodiscard]] loop::Task<> follow_pools();
    void stop();
    void log_counters() const;
    [[nodiscard]] std::string new_session_id();

    const std::shared_ptr<const config::Config> config_;  // a snapshot
    Tls tls_;
    ProbeSecrets probe_secrets_;  // moved into the probes
    guard::Ledger ledger_;
    const std::size_t memory_max_;
    net::PassivePorts ports_;
    backend::Knowledge knowledge_;
    std::shared_ptr<session::Pools> pools_ = std::make_shared<session::Pools>();
    Services services_;
    session::PublicNames public_names_;
    session::Notices notices_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<Bound> bound_;
    std::vector<base::OwnedFd> announced_;
    std::uint64_t id_salt_;
    std::atomic<std::uint64_t> sessions_begun_ = 0;

    loop::WorkerLoop control_;
    net::SocketNetwork control_network_;
    std::optional<health::Prober> prober_;
    loop::Signal signalled_;
    base::OwnedFd unwatched_signals_;
    loop::Descriptor signals_;
    std::size_t workers_busy_ = 0;
    bool stopping_ = false;
    loop::Job signal_job_;
    std::optional<BackendFiles> backend_files_;
    std::jthread file_watch_;
    loop::Signal watch_due_;
    loop::Job watch_job_;
    loop::Signal pools_due_;
    loop::Job pools_job_;
    std::unique_ptr<NameWatch> names_;
    std::unique_ptr<PublicNameWatch> public_name_watch_;
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

std::vector<net::PassivePorts::Proxies> data_proxies(const config::Config& config) {
    std::vector<net::PassivePorts::Proxies> proxies;
    const auto add = [&](const config::Listener& listener, const base::PortRange& ports) {
        std::vector<base::Ip> addresses;
        const auto add_all = [&](const std::vector<base::Address>& all) {
            for (const auto& each : all) addresses.push_back(each.ip);
        };
        add_all(listener.bind);
        add_all(listener.implicit_bind);
        if (listener.tls) add_all(listener.tls->implicit_bind);
        proxies.push_back(
            {std::move(addresses), ports, listener.proxy_from, listener.proxy_timeout});
    };
    for (const auto& listener : config.listeners) {
        if (!listener.proxy_data) continue;
        if (listener.lends_ports()) add(listener, listener.passive_ports);
        if (listener.mode != config::ListenerMode::passthrough) continue;
        for (const auto& pool : config.pools)
            for (const auto& backend : pool.backends)
                if (backend.passive_ports) add(listener, *backend.passive_ports);
    }
    return proxies;
}

Daemon::Daemon(std::shared_ptr<const config::Config> snapshot, Tls tls, ProbeSecrets secrets,
               base::OwnedFd signals)
    : config_(std::move(snapshot)),
      tls_(std::move(tls)),
      probe_secrets_(std::move(secrets)),
      ledger_(std::shared_ptr<const config::Limits>(config_, &config_->limits),
              sessions_max(*config_), std::chrono::steady_clock::now()),
      memory_max_(config_->limits.memory != 0 ? config_->limits.memory
                                              : memory_there_is() / 10 * 9),
      ports_(random_seed(),
             {.accepts = config_->limits.passive_accept_rate,
              .strays = config_->limits.passive_stray_rate},
             data_proxies(*config_)),
      id_salt_(random_seed()),
      control_network_(control_, ports_, worker_count(*config_), net::Descriptors::with_reserve),
      signalled_(control_),
      unwatched_signals_(std::move(signals)),
      watch_due_(control_),
      pools_due_(control_) {
    std::vector<net::SocketNetwork*> networks;
    for (std::uint32_t i = 0; i < worker_count(*config_); ++i) {
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

bool Daemon::bind(const char* file) {
    auto watched = loop::Descriptor::open(control_, unwatched_signals_.get());
    if (!watched) {
        fmt::print(stderr, "{}: {}\n", file, base::to_string(watched.error()));
        return false;
    }
    (void)unwatched_signals_.release();
    signals_ = std::move(*watched);
    bool all_bound = true;
    for (const auto& listener : config_->listeners) {
        all_bound &= bind(listener, listener.bind, "bind", false, file);
        all_bound &= bind(listener, listener.implicit_bind, "implicit_bind", true, file);
        if (listener.tls)
            all_bound &=
                bind(listener, listener.tls->implicit_bind, "tls.implicit_bind", true, file);
    }
    return all_bound;
}

bool Daemon::bind(const config::Listener& listener, const std::vector<base::Address>& addresses,
                  std::string_view key, bool begins_with_tls, const char* file) {
    bool all_bound = true;
    for (const auto& address : addresses) {
        auto opened = net::listen_on(address, control_backlog, listener.free_bind);
        if (opened) {
            if (const auto local = net::local_address(opened->get()))
                announced_.push_back(net::announce(*local));
            bound_.push_back({listener.name, address, begins_with_tls, std::move(*opened)});
            continue;
        }
        all_bound = false;
        fmt::print(stderr, "{}:{}:{}: {}.{}: {}\n", file, listener.where.line,
                   listener.where.column, listener.where.key, key, base::to_string(opened.error()));
    }
    return all_bound;
}

void Daemon::start_pools() {
    std::vector<health::Prober::Subject> subjects;
    for (const auto& configured : config_->pools) {
        auto pool =
            std::make_shared<pool::Pool>(configured, std::chrono::steady_clock::now, random_seed());
        // The pointer to a part keeps the whole snapshot alive.
        auto contacts = std::make_shared<backend::Contacts>(
            std::shared_ptr<const config::Pool>(config_, &configured), knowledge_);
        const auto clients = tls_.clients_of(configured.name);
        const auto backends = pool->backends();
        for (std::size_t i = 0; i < clients.size(); ++i)
            contacts->set_tls_client(backends.at(i), clients[i]);
        pools_->add({pool, contacts});
        subjects.push_back(
            {std::move(pool), std::move(contacts), std::move(probe_secrets_[configured.name])});
    }
    prober_.emplace(
        control_network_, std::move(subjects),
        [this](health::ScriptRun run) { return health::run_script(control_, std::move(run)); },
        random_seed());
    control_.post([this] { prober_->start(); });
    backend_files_.emplace(*pools_);
    backend_files_->look();
    std::vector<std::shared_ptr<pool::Pool>> pools;
    for (const auto& each : pools_->all()) pools.push_back(each.pool);
    names_ = std::make_unique<NameWatch>(pools);
    public_name_watch_ = std::make_unique<PublicNameWatch>(*config_, public_names_);
}

/// The text for clients without a session. Empty where TLS comes first: they could not read it.
std::string last_words(bool begins_with_tls, const std::string& text) {
    return begins_with_tls ? std::string() : fmt::format("421 {}\r\n", text);
}

void Daemon::start_listening() {
    Services::ByListener services;
    for (const auto& listener : config_->listeners)
        services.emplace(listener.name, Worker::Service{std::shared_ptr<const config::Listener>(
                                                            config_, &listener),
                                                        pools_, &ledger_, &public_names_, &notices_,
                                                        tls_.server_of(listener.name), false});
    services_.set(std::move(services));
    for (std::size_t i = 0; i < bound_.size(); ++i) {
        auto& bound = bound_[i];
        log::write_each(
            log::Level::info, "listening",
            {{"listener", bound.listener}, {"address", base::to_string(bound.address)}});
        workers_[i % workers_.size()]->accept_on(
            std::move(bound.socket),
            [this, listener = bound.listener, begins_with_tls = bound.begins_with_tls](
                base::OwnedFd client, base::Address peer) {
                take_client(std::move(client), peer, listener, begins_with_tls);
            },
            last_words(bound.begins_with_tls, session::refusal_text(guard::Limit::sessions)));
    }
}

/// A connection goes to the least loaded worker, not to the one that woke first: FTP sessions are
/// few, long and heavy.
void Daemon::take_client(base::OwnedFd client, base::Address peer, std::string_view listener,
                         bool begins_with_tls) {
    auto service = services_.find(listener);
    if (!service) return;
    service->begins_with_tls = begins_with_tls;
    auto accepted = ledger_.accept();
    if (!accepted) {
        session::note_limit(ledger_, accepted.error(), *service->listener,
                            base::to_string(peer.ip));
        return net::refuse(std::move(client),
                           last_words(begins_with_tls, session::refusal_text(accepted.error())));
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
    start_pools();
    start_listening();
    signal_job_ = loop::Job::start(follow_signals());
    watch_job_ = loop::Job::start(follow_itself());
    file_watch_ = std::jthread([this](const std::stop_token& stop) { watch_files(stop); });
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
    names_.reset();
    base::stop_waiting_for_files();
    file_watch_.request_stop();
    if (file_watch_.joinable()) file_watch_.join();
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
                case SIGHUP:
                    log::reopen();
                    note_hangup();
                    break;
                case SIGUSR1: log_counters(); break;
                case SIGTERM:
                case SIGINT:
                    if (stopping_) co_return control_.stop();
                    last_moment = control_.after(config_->shutdown_timeout);
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

/// Runs on its own thread, because a file may take seconds to answer or hang for ever.
void Daemon::watch_files(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    const auto look = [](std::string_view message, auto& files) {
        try {
            files.look();
        } catch (const std::exception& problem) {
            log::caught(message, problem);
        }
    };
    while (!stop.stop_requested()) {
        look("TLS files will be checked later", tls_);
        look("backends files will be checked later", *backend_files_);
        std::unique_lock lock(mutex);
        wake.wait_for(lock, stop, watch_interval, [] { return false; });
    }
}

loop::Task<> Daemon::follow_itself() {
    for (;;) {
        log::tell_left_out();
        ledger_.look_at_memory(memory_taken(), memory_max_);
        for (const auto& worker : workers_) worker->look_at_turn();
        sd_notify(0, "WATCHDOG=1");
        (void)co_await watch_due_.wait(control_.after(watch_interval));
    }
}

loop::Task<> Daemon::follow_pools() {
    for (;;) {
        for (const auto& each : pools_->all()) each.pool->tick();
        (void)co_await pools_due_.wait(control_.after(pools_interval));
    }
}

void Daemon::stop() {
    stopping_ = true;
    log::info(
        "stopping: no new sessions, running transfers may finish",
        {{"seconds",
          std::int64_t{std::chrono::duration_cast<std::chrono::seconds>(config_->shutdown_timeout)
                           .count()}}});
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

bool open_logs(const config::Config& config) {
    const bool json = config.log.format == config::LogFormat::json ||
                      (config.log.format == config::LogFormat::automatic &&
                       (!config.log.file.empty() || ::isatty(STDERR_FILENO) == 0));
    const auto level = static_cast<log::Level>(config.log.level);
    const auto count_lost = [](std::uint64_t lines) {
        metrics::count(metrics::Counter::log_lines_lost, lines);
    };
    if (!log::start({.level = level,
                     .json = json,
                     .file = config.log.file,
                     .has_priorities = config.log.file.empty() && log::is_journal(),
                     .count_lost = count_lost,
                     .repeats_per_second = config.log.repeats_per_second}))
        return false;
    const auto& files = config.transfer_log;
    return (files.xferlog.empty() || log::open_file(session::xferlog_name, files.xferlog)) &&
           (files.json.empty() || log::open_file(session::json_log_name, files.json));
}

/// One line each, without the limit on repeats.
void log_warnings(const std::vector<config::Problem>& warnings, const char* file) {
    for (const auto& warning : warnings)
        log::write_each(log::Level::warning, "configuration warning",
                        {{"file", std::string_view(file)},
                         {"line", std::uint64_t{warning.where.line}},
                         {"key", warning.where.key},
                         {"reason", warning.what},
                         {"cure", warning.fix}});
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

int run(std::shared_ptr<const config::Config> snapshot,
        const std::vector<config::Problem>& warnings, const char* file) {
    const auto& config = *snapshot;
    std::vector<config::Problem> problems;
    Tls tls(config, problems);
    auto secrets = read_probe_secrets(config, problems);
    if (config::has_errors(problems)) return print(problems, file);  // files changed meanwhile
    raise_descriptor_limit();
    if (!config.core_dumps) hide_memory();
    net::announce_as({static_cast<std::uint32_t>(::getpid()), net::file_mark(file)});
    auto signals = take_over_signals();
    Daemon daemon(snapshot, std::move(tls), std::move(secrets), std::move(signals));
    if (!daemon.bind(file)) return 1;
    if (!open_logs(config)) {
        fmt::print(stderr, "{}: the log files cannot be opened: {}\n", file,
                   std::error_code(errno, std::system_category()).message());
        return 1;
    }
    log_warnings(warnings, file);
    daemon.run();
    log::stop();
    return 0;
}

}  // namespace ballast::daemon
