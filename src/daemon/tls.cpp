// SPDX-License-Identifier: Apache-2.0
#include "daemon/tls.h"

#include "base/log.h"

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

net::TlsServer::Settings settings_of(const config::Listener& listener) {
    using Ask = net::TlsServer::Settings::Ask;
    const auto& tls = *listener.tls;
    net::TlsServer::Settings settings;
    settings.min_version = tls.min_version;
    settings.max_version = tls.max_version;
    settings.ciphers = tls.ciphers;
    settings.ciphersuites = tls.ciphersuites;
    settings.ca = tls.client_ca;
    settings.name = listener.name;
    switch (tls.client_certificate) {
        case config::ClientCertificate::none: settings.client_certificate = Ask::none; break;
        case config::ClientCertificate::request: settings.client_certificate = Ask::request; break;
        case config::ClientCertificate::require: settings.client_certificate = Ask::require; break;
    }
    settings.resumes_data = tls.session_reuse != config::SessionReuse::off;
    settings.may_leave = tls.ccc;
    return settings;
}

}  // namespace

Tls::Tls(const config::Config& config, std::vector<config::Problem>& problems) {
    for (const auto& listener : config.listeners)
        if (listener.tls) load_listener(config, listener, problems);
    for (const auto& pool : config.pools) load_pool(config, pool, problems);
}

void Tls::load_listener(const config::Config& config, const config::Listener& listener,
                        std::vector<config::Problem>& problems) {
    const auto& tls = *listener.tls;
    const auto key = listener.where.key + ".tls";
    const auto report = [&](const std::string& where, std::string what, std::string fix) {
        problems.push_back({config.places.of(where), std::move(what), std::move(fix)});
    };
    Served served{&listener, {}, {}, WatchedFile(stamp_of(tls)), WatchedFile(), {}};
    auto certificates = net::Certificates::load(files_of(tls));
    if (!certificates) {
        const auto& problem = certificates.error();
        return report(fmt::format("{}.{}", key, key_of(problem.file)), problem.what,
                      "name a file in PEM form (OCSP: DER) that this user may read");
    }
    served.certificates = std::move(*certificates);
    if (tls.ticket_keys.empty()) {
        served.ticket_keys = std::make_shared<net::TicketKeys>(tls.ticket_key_lifetime);
    } else {
        FileStamp stamp;
        add_stamp(tls.ticket_keys, stamp);
        served.ticket_keys_file = WatchedFile(std::move(stamp));
        auto keys = net::TicketKeys::load(tls.ticket_keys);
        if (!keys)
            return report(key + ".ticket_keys", base::to_string(keys.error()),
                          "make a key with: openssl rand -base64 80 | tr -d '\\n'");
        served.ticket_keys = std::move(*keys);
    }
    auto server =
        net::TlsServer::create(settings_of(listener), served.certificates, served.ticket_keys);
    if (!server)
        return report(key, base::to_string(server.error()), "correct the setting or the file");
    served.server = std::move(*server);
    served_.push_back(std::move(served));
}

void Tls::load_pool(const config::Config& config, const config::Pool& pool,
                    std::vector<config::Problem>& problems) {
    auto& clients = clients_[&pool];
    for (const auto& backend : pool.backends) {
        auto client = backend::make_tls_client(backend);
        if (!client)
            problems.push_back({config.places.of(backend.where.key + ".tls"),
                                base::to_string(client.error()),
                                "correct the setting or the file, here or in the pool's table"});
        clients.push_back(client ? std::move(*client) : nullptr);
    }
}

std::shared_ptr<const net::TlsServer> Tls::server_of(const config::Listener& listener) const {
    const auto found = std::ranges::find(served_, &listener, &Served::listener);
    return found == served_.end() ? nullptr : found->server;
}

std::vector<std::shared_ptr<const net::TlsClient>> Tls::clients_of(const config::Pool& pool) const {
    return clients_.at(&pool);
}

void Tls::look() {
    for (auto& served : served_) reload(served);
    const auto now = std::chrono::steady_clock::now();
    if (now < expiry_due_) return;
    expiry_due_ = now + expiry_interval;
    for (const auto& served : served_) warn_of_expiry(served);
}

void Tls::reload(Served& served) {
    const auto& tls = *served.listener->tls;
    const auto refused = [&](WatchedFile& file, const std::string& reason) {
        if (!file.refuse(reason)) return;
        log::warning("changed TLS files cannot be used, what was loaded before stays",
                     {{"listener", served.listener->name}, {"reason", reason}});
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
            served.certificates = std::move(*certificates);
            log::info("certificates loaded", {{"listener", served.listener->name}});
            warn_of_expiry(served);
        }
    }
    FileStamp stamp;
    add_stamp(tls.ticket_keys, stamp);
    if (!served.ticket_keys_file.is_due(std::move(stamp))) return;
    if (const auto loaded = served.ticket_keys->reload(tls.ticket_keys); !loaded)
        return refused(served.ticket_keys_file, base::to_string(loaded.error()));
    served.ticket_keys_file.accept();
    log::info("ticket keys loaded", {{"listener", served.listener->name}});
}

void Tls::warn_of_expiry(const Served& served) {
    for (const auto& expiry : served.certificates->expiries()) {
        if (expiry.days_left >= (expiry.is_ocsp ? ocsp_days_min : expiry_days_min)) continue;
        const bool is_over = expiry.days_left < 0;
        log::warning(expiry.is_ocsp
                         ? (is_over ? "OCSP response is too old and left out"
                                    : "OCSP response is soon too old")
                         : (is_over ? "certificate has expired" : "certificate expires soon"),
                     {{"listener", served.listener->name},
                      {"file", expiry.file},
                      {"days_left", std::int64_t{expiry.days_left}}});
    }
}

}  // namespace ballast::daemon
