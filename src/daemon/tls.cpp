// SPDX-License-Identifier: Apache-2.0
#include "daemon/tls.h"

#include "base/file.h"
#include "base/log.h"
#include "events/bus.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::daemon {

namespace {

constexpr auto expiry_interval = std::chrono::hours(24);
constexpr int expiry_days_min = 14;
constexpr int ocsp_days_min = 1;

std::vector<net::Certificates::Files> files_of(const config::ListenerTls& tls) {
    std::vector<net::Certificates::Files> files;
    files.reserve(tls.certificate.size());
    for (std::size_t i = 0; i < tls.certificate.size(); ++i)
        files.push_back({tls.certificate[i], i < tls.key.size() ? tls.key[i] : std::string(),
                         i < tls.ocsp.size() ? tls.ocsp[i] : std::string()});
    return files;
}

FileStamp stamp_of(const config::ListenerTls& tls) {
    FileStamp stamp;
    for (const auto& files : files_of(tls))
        for (const auto* file : {&files.certificate, &files.key, &files.ocsp})
            add_stamp(*file, stamp);
    return stamp;
}

std::string_view key_of(net::Certificates::Problem::File file) {
    switch (file) {
        case net::Certificates::Problem::File::certificate: return "certificate";
        case net::Certificates::Problem::File::key: return "key";
        case net::Certificates::Problem::File::ocsp: return "ocsp";
    }
    std::terminate();
}

/// The TLS of operators as that of a listener that no file can name.
constexpr std::string_view operators_listener = "[admin]";

config::ListenerTls as_of_listener(const config::AdminTls& tls) {
    config::ListenerTls all;
    static_cast<config::TlsParameters&>(all) = static_cast<const config::TlsParameters&>(tls);
    all.where = tls.where;
    all.certificate = tls.certificate;
    all.key = tls.key;
    all.session_reuse = config::SessionReuse::off;
    return all;
}

net::TlsServer::Settings settings_of(std::string_view listener, const config::ListenerTls& tls) {
    using Ask = net::TlsServer::Settings::Ask;
    net::TlsServer::Settings settings;
    settings.min_version = tls.min_version;
    settings.max_version = tls.max_version;
    settings.ciphers = tls.ciphers;
    settings.ciphersuites = tls.ciphersuites;
    settings.ca = tls.client_ca;
    settings.name = listener;
    switch (tls.client_certificate) {
        case config::ClientCertificate::none: settings.client_certificate = Ask::none; break;
        case config::ClientCertificate::request: settings.client_certificate = Ask::request; break;
        case config::ClientCertificate::require: settings.client_certificate = Ask::require; break;
    }
    settings.resumes_data = tls.session_reuse != config::SessionReuse::off;
    settings.may_leave = tls.ccc;
    return settings;
}

bool is_due(const net::Certificates::Expiry& expiry) {
    return expiry.days_left < (expiry.is_ocsp ? ocsp_days_min : expiry_days_min);
}

/// "expires in 3 days"
std::string when(const net::Certificates::Expiry& expiry) {
    const auto days = std::abs(expiry.days_left);
    const auto counted = fmt::format("{} day{}", days, days == 1 ? "" : "s");
    const auto* const noun = expiry.is_ocsp ? "the OCSP response" : "the certificate";
    return expiry.days_left < 0 ? fmt::format("{} in {} has expired", noun, expiry.file)
                                : fmt::format("{} in {} expires in {}", noun, expiry.file, counted);
}

void warn_of_expiry_of(const net::Certificates& certificates, const config::Places& places,
                       const std::string& key, std::vector<config::Problem>& problems) {
    for (const auto& expiry : certificates.expiries())
        if (is_due(expiry))
            problems.push_back(
                {places.of(fmt::format("{}.{}", key, expiry.is_ocsp ? "ocsp" : "certificate")),
                 when(expiry), "replace it", config::Severity::warning});
}

/// Tries each pair of files, so that one problem does not hide another. Null if there is a problem,
/// here or already in the settings.
std::shared_ptr<const net::Certificates> load_certificates(const config::Config& config,
                                                           const std::string& key,
                                                           const config::ListenerTls& tls,
                                                           std::vector<config::Problem>& problems) {
    const auto is_refused = [&](const char* name) {
        return config.places.is_refused(fmt::format("{}.{}", key, name));
    };
    const auto fits = [&](const std::vector<std::string>& files) {
        return files.empty() || files.size() == tls.certificate.size();
    };
    if (tls.certificate.empty() || is_refused("certificate") || is_refused("key") ||
        is_refused("ocsp") || !fits(tls.key) || !fits(tls.ocsp))
        return nullptr;
    const auto all = files_of(tls);
    bool are_good = true;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto tried = net::Certificates::load({&all[i], 1});
        if (tried) continue;
        are_good = false;
        problems.push_back(
            {config.places.of(fmt::format("{}.{}[{}]", key, key_of(tried.error().file), i)),
             tried.error().what, tried.error().fix});
    }
    if (!are_good) return nullptr;
    auto loaded = net::Certificates::load(all);
    return loaded ? std::move(*loaded) : nullptr;
}

std::shared_ptr<net::TicketKeys> load_ticket_keys(const config::Config& config,
                                                  const std::string& key,
                                                  const config::ListenerTls& tls,
                                                  std::vector<config::Problem>& problems) {
    if (tls.ticket_keys.empty()) return std::make_shared<net::TicketKeys>(tls.ticket_key_lifetime);
    auto keys = net::TicketKeys::load(tls.ticket_keys);
    if (keys) return std::move(*keys);
    const auto& error = keys.error();
    problems.push_back({config.places.of(key + ".ticket_keys"), base::to_string(error),
                        error.code ? std::string(base::cure_of_unreadable(error))
                                   : "make a key with: openssl rand -base64 80 | tr -d '\\n'"});
    return nullptr;
}

void try_authorities(const config::Config& config, const std::string& key, const std::string& file,
                     std::vector<config::Problem>& problems) {
    if (file.empty()) return;
    const auto tried = net::try_trusted(file);
    if (tried) return;
    const bool is_read = base::read_file(file).has_value();
    problems.push_back({config.places.of(key), base::to_string(tried.error()),
                        is_read ? "name a file of certificates in PEM form"
                                : std::string(base::cure_of_unreadable(tried.error()))});
}

/// Checks the files of a backend's TLS, each with the table that names it.
void try_files(const config::Config& config, const config::Pool& pool,
               const config::Backend& backend, std::vector<config::Problem>& problems) {
    const auto& tls = backend.tls;
    const auto key_of_file = [&](std::string_view name) {
        auto own = fmt::format("{}.tls.{}", backend.where.key, name);
        return config.places.is_said(own) ? own : fmt::format("{}.tls.{}", pool.where.key, name);
    };
    if (tls.verify != config::BackendVerify::none)
        try_authorities(config, key_of_file("ca"), tls.ca, problems);
    if (tls.certificate.empty() || config.places.is_refused(key_of_file("key"))) return;
    const net::Certificates::Files files{tls.certificate, tls.key, {}};
    const auto tried = net::Certificates::load({&files, 1});
    const auto key = key_of_file(tried ? "certificate" : key_of(tried.error().file));
    if (!tried) problems.push_back({config.places.of(key), tried.error().what, tried.error().fix});
    if (tried) warn_of_expiry_of(**tried, config.places, key.substr(0, key.rfind('.')), problems);
}

/// A contradiction has been reported already.
bool has_versions(const config::TlsParameters& tls) { return tls.min_version <= tls.max_version; }

}  // namespace

Tls::Tls(const config::Config& config, std::vector<config::Problem>& problems, const Tls* former) {
    for (const auto& listener : config.listeners)
        if (listener.tls) load_server(config, listener.name, *listener.tls, problems, former);
    if (config.admin.tls)
        load_server(config, std::string(operators_listener), as_of_listener(*config.admin.tls),
                    problems, former);
    for (const auto& pool : config.pools) load_pool(config, pool, problems);
}

/// Null if it has none of its own, or they would live shorter or longer now.
std::shared_ptr<net::TicketKeys> Tls::own_ticket_keys_of(std::string_view listener,
                                                         const config::ListenerTls& tls) const {
    const auto found = std::ranges::find(served_, listener, &Served::listener);
    if (found == served_.end() || !found->settings.ticket_keys.empty() ||
        !tls.ticket_keys.empty() || found->settings.ticket_key_lifetime != tls.ticket_key_lifetime)
        return nullptr;
    return found->ticket_keys;
}

void Tls::load_server(const config::Config& config, const std::string& listener,
                      const config::ListenerTls& tls, std::vector<config::Problem>& problems,
                      const Tls* former) {
    const auto& key = tls.where.key;
    const auto problems_before = problems.size();
    Served served{listener, key, tls, {}, {}, WatchedFile(stamp_of(tls)), WatchedFile(), {}};
    served.certificates = load_certificates(config, key, tls, problems);
    if (former != nullptr) served.ticket_keys = former->own_ticket_keys_of(listener, tls);
    if (!served.ticket_keys) served.ticket_keys = load_ticket_keys(config, key, tls, problems);
    try_authorities(config, key + ".client_ca", tls.client_ca, problems);
    if (!tls.ticket_keys.empty()) {
        FileStamp stamp;
        add_stamp(tls.ticket_keys, stamp);
        served.ticket_keys_file = WatchedFile(std::move(stamp));
    }
    const bool is_whole = served.certificates != nullptr && has_versions(tls);
    if (!is_whole || problems.size() != problems_before) return;
    auto server =
        net::TlsServer::create(settings_of(listener, tls), served.certificates, served.ticket_keys);
    if (!server) {
        problems.push_back({config.places.of(key), base::to_string(server.error()),
                            "correct the setting or the file"});
        return;
    }
    served.server = std::move(*server);
    served_.push_back(std::move(served));
}

void Tls::load_pool(const config::Config& config, const config::Pool& pool,
                    std::vector<config::Problem>& problems) {
    auto& clients = clients_[pool.name];
    for (const auto& backend : pool.backends) {
        clients.push_back(nullptr);
        const auto& tls = backend.tls;
        const bool has_destination = !backend.host.empty() || !backend.srv.empty();
        if (tls.mode == config::BackendTlsMode::off || !has_destination) continue;
        const auto problems_before = problems.size();
        try_files(config, pool, backend, problems);
        if (problems.size() != problems_before || !has_versions(tls)) continue;
        auto client = backend::make_tls_client(backend);
        if (!client)
            problems.push_back({config.places.of(backend.where.key + ".tls"),
                                base::to_string(client.error()),
                                "correct the setting or the file, here or in the pool's table"});
        else
            clients.back() = std::move(*client);
    }
}

void Tls::warn_of_expiry(const config::Config& config,
                         std::vector<config::Problem>& problems) const {
    for (const auto& served : served_)
        warn_of_expiry_of(*served.certificates, config.places, served.key, problems);
}

std::shared_ptr<const net::TlsServer> Tls::server_of(std::string_view listener) const {
    const auto found = std::ranges::find(served_, listener, &Served::listener);
    return found == served_.end() ? nullptr : found->server;
}

std::shared_ptr<const net::TlsServer> Tls::operators_server() const {
    return server_of(operators_listener);
}

std::vector<Tls::TicketKeysOf> Tls::generated_ticket_keys() const {
    std::vector<TicketKeysOf> all;
    for (const auto& served : served_)
        if (served.ticket_keys->lifetime() && served.listener != operators_listener)
            all.push_back({served.listener, served.ticket_keys});
    return all;
}

std::vector<std::shared_ptr<const net::TlsClient>> Tls::clients_of(std::string_view pool) const {
    return clients_.find(pool)->second;
}

std::vector<Tls::Expiry> Tls::expiries() const {
    std::vector<Expiry> all;
    const std::lock_guard lock(certificates_mutex_);
    for (const auto& served : served_)
        for (auto& each : served.certificates->expiries())
            all.push_back({served.listener, std::move(each)});
    return all;
}

void Tls::look() {
    for (auto& served : served_) reload(served);
    const auto now = std::chrono::steady_clock::now();
    if (now < expiry_due_) return;
    expiry_due_ = now + expiry_interval;
    for (const auto& served : served_) log_expiry(served);
}

void Tls::reload(Served& served) {
    const auto& tls = served.settings;
    const auto refused = [&](WatchedFile& file, const std::string& reason) {
        if (!file.refuse(reason)) return;
        log::warning("changed TLS files cannot be used, keeping what was loaded before",
                     {{"listener", served.listener}, {"reason", reason}});
    };
    if (served.certificate_files.is_due(stamp_of(tls))) {
        auto certificates = net::Certificates::load(files_of(tls));
        const auto replaced =
            certificates ? served.server->replace_certificates(*certificates) : base::Result<>{};
        if (!certificates) {
            refused(served.certificate_files, certificates.error().what);
        } else if (!replaced) {
            refused(served.certificate_files, base::to_string(replaced.error()));
        } else {
            served.certificate_files.accept();
            {
                const std::lock_guard lock(certificates_mutex_);
                served.certificates = std::move(*certificates);
            }
            log::info("certificates loaded", {{"listener", served.listener}});
            events::publish(events::Kind::certificate_replaced, {{"listener", served.listener}});
            log_expiry(served);
        }
    }
    FileStamp stamp;
    add_stamp(tls.ticket_keys, stamp);
    if (!served.ticket_keys_file.is_due(std::move(stamp))) return;
    if (const auto loaded = served.ticket_keys->reload(tls.ticket_keys); !loaded)
        return refused(served.ticket_keys_file, base::to_string(loaded.error()));
    served.ticket_keys_file.accept();
    log::info("ticket keys loaded", {{"listener", served.listener}});
}

void Tls::log_expiry(const Served& served) {
    for (const auto& expiry : served.certificates->expiries()) {
        if (!is_due(expiry)) continue;
        const bool is_over = expiry.days_left < 0;
        log::warning(expiry.is_ocsp
                         ? (is_over ? "OCSP response has expired and is not stapled"
                                    : "OCSP response expires soon")
                         : (is_over ? "certificate has expired" : "certificate expires soon"),
                     {{"listener", served.listener},
                      {"file", expiry.file},
                      {"days_left", std::int64_t{expiry.days_left}}});
        events::publish(events::Kind::certificate_expires,
                        {{"listener", served.listener},
                         {"file", expiry.file},
                         {"days_left", std::int64_t{expiry.days_left}}});
    }
}

}  // namespace ballast::daemon
