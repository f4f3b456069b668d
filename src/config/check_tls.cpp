// SPDX-License-Identifier: Apache-2.0
#include "config/check_tls.h"

#include "config/refusal.h"
#include "config/words.h"

#include <algorithm>
#include <fmt/format.h>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::config {

namespace {

std::string counted(std::size_t count) {
    return count == 1 ? "1 file" : fmt::format("{} files", count);
}

std::optional<Refusal> contradiction_of_versions(const TlsParameters& tls) {
    if (tls.min_version <= tls.max_version) return std::nullopt;
    return Refusal{
        fmt::format("min_version {} is newer than max_version {}",
                    word_of(tls_versions, tls.min_version), word_of(tls_versions, tls.max_version)),
        "lower min_version or raise max_version"};
}

/// The checks of a table for servers: what listeners and operators have in common.
template <typename ServerTls>
class ServerCheck {
public:
    ServerCheck(const ServerTls& tls, const Places& places, std::vector<Problem>& problems)
        : tls_(tls), places_(places), problems_(problems) {}

    void run() {
        certificates();
        versions();
    }

protected:
    [[nodiscard]] std::string key(std::string_view name) const {
        return fmt::format("{}.{}", tls_.where.key, name);
    }
    /// Whether the struct has the file's value.
    [[nodiscard]] bool holds(std::string_view name) const { return !places_.is_refused(key(name)); }
    void report(std::string_view name, std::string_view what, std::string_view fix) {
        problems_.push_back({places_.of(key(name)), std::string(what), std::string(fix)});
    }

    void certificates() {
        if (!holds("certificate")) return;
        // The loader reports a missing one.
        if (tls_.certificate.empty()) {
            if (places_.is_said(key("certificate")))
                report("certificate", "certificate is empty", "name at least one file");
            return;
        }
        one_for_each("key", tls_.key, "leave it out if the certificates' files hold the keys");
    }

    void one_for_each(std::string_view name, const std::vector<std::string>& files,
                      std::string_view otherwise) {
        if (!holds(name) || files.empty() || files.size() == tls_.certificate.size()) return;
        report(name,
               fmt::format("{} has {}, certificate has {}", name, counted(files.size()),
                           counted(tls_.certificate.size())),
               fmt::format("name one for each certificate, in the same order, or {}", otherwise));
    }

    void versions() {
        if (!holds("min_version") || !holds("max_version")) return;
        if (const auto wrong = contradiction_of_versions(tls_))
            report(places_.is_said(key("min_version")) ? "min_version" : "max_version", wrong->what,
                   wrong->fix);
    }

    const ServerTls& tls_;
    const Places& places_;
    std::vector<Problem>& problems_;
};

/// The checks of one listener's table.
class ListenerCheck : ServerCheck<ListenerTls> {
public:
    ListenerCheck(const Listener& listener, const Places& places, std::vector<Problem>& problems)
        : ServerCheck(*listener.tls, places, problems), listener_(listener) {}

    void run() {
        ServerCheck::run();
        if (holds("certificate") && !tls_.certificate.empty())
            one_for_each("ocsp", tls_.ocsp, "leave it out");
        ways_in();
        clients();
    }

private:
    /// How clients begin TLS.
    void ways_in() {
        if (tls_.explicit_tls || !holds("explicit") || !holds("implicit_bind")) return;
        if (tls_.implicit_bind.empty())
            report("explicit", "explicit is false and there is no implicit_bind",
                   "remove explicit, add implicit_bind, or remove the whole table");
        else if (tls_.require != TlsRequire::none && !listener_.bind.empty() && holds("require"))
            report("require", "require and explicit = false let no client of bind log in",
                   "remove explicit, or remove bind and leave implicit_bind");
    }

    void clients() {
        if (!holds("client_ca") || !holds("client_certificate")) return;
        const bool asks = tls_.client_certificate != ClientCertificate::none;
        if (asks && tls_.client_ca.empty())
            report("client_ca", "client_certificate needs client_ca",
                   "add client_ca = \"/etc/ballast/tls/clients.pem\"");
        if (!asks && !tls_.client_ca.empty())
            report("client_ca", "client_ca has no effect while client_certificate is \"none\"",
                   "add client_certificate = \"require\" or \"request\", or remove client_ca");
    }

    const Listener& listener_;
};

/// The checks of one pool. The resulting settings of each backend count.
class PoolCheck {
public:
    PoolCheck(const Pool& pool, const Places& places, std::vector<Problem>& problems)
        : places_(places),
          problems_(problems),
          has_more_backends_(!pool.backends_file.empty()),
          pool_{pool.where.key + ".tls", pool.tls} {
        for (const auto& backend : pool.backends)
            backends_.push_back({backend.where.key + ".tls", backend.tls});
    }

    void run() {
        idle("ca", &BackendTls::ca, {"mode"}, has_tls,
             {"ca has no effect while mode is \"off\"", fix_of_mode("remove ca")});
        idle("ca", &BackendTls::ca, {"mode", "verify"},
             [](const auto& tls) { return !has_tls(tls) || tls.verify != BackendVerify::none; },
             {"ca has no effect while verify is \"none\"",
              "use verify = \"full\" or \"ca\", or remove ca"});
        idle(
            "certificate", &BackendTls::certificate, {"mode"}, has_tls,
            {"certificate has no effect while mode is \"off\"", fix_of_mode("remove certificate")});
        idle("key", &BackendTls::key, {"certificate"},
             [](const auto& tls) { return !tls.certificate.empty(); },
             {"key has no effect without certificate",
              "add certificate, the file that the key belongs to"});
        contradictory({"data", "mode"}, [](const auto& tls) -> std::optional<Refusal> {
            if (tls.data != BackendDataTls::always || has_tls(tls)) return std::nullopt;
            return Refusal{"data is \"always\" while mode is \"off\"",
                           fix_of_mode("use data = \"as-client\"")};
        });
        contradictory({"min_version", "max_version"}, contradiction_of_versions);
    }

private:
    /// A table `tls`, and the settings that result from it.
    struct Table {
        std::string key;
        const BackendTls& tls;
    };
    using Names = std::initializer_list<std::string_view>;

    static std::string fix_of_mode(std::string_view otherwise) {
        return fmt::format("use mode = \"explicit\", \"implicit\" or \"as-client\", or {}",
                           otherwise);
    }
    static bool has_tls(const BackendTls& tls) { return tls.mode != BackendTlsMode::off; }

    [[nodiscard]] bool is_said(const Table& table, std::string_view name) const {
        return places_.is_said(fmt::format("{}.{}", table.key, name));
    }
    /// Whether one of these keys was refused: then the resulting settings are not the intended
    /// ones.
    [[nodiscard]] bool is_refused(const Table& table, Names names) const {
        return places_.is_refused(table.key) || std::ranges::any_of(names, [&](auto name) {
                   return places_.is_refused(fmt::format("{}.{}", table.key, name));
               });
    }
    [[nodiscard]] bool is_refused(Names names) const {
        return is_refused(pool_, names) || std::ranges::any_of(backends_, [&](const auto& table) {
                   return is_refused(table, names);
               });
    }
    void report(const Table& table, std::string_view name, const Refusal& refusal) {
        problems_.push_back(
            {places_.of(fmt::format("{}.{}", table.key, name)), refusal.what, refusal.fix});
    }

    /// Reports a file without effect. The pool's file has an effect if any backend uses it.
    /// `others` are the keys that decide this.
    template <typename HasEffect>
    void idle(std::string_view name, std::string BackendTls::* file, Names others,
              HasEffect&& has_effect, const Refusal& refusal) {
        if (is_refused({name}) || is_refused(others)) return;
        const auto is_idle = [&](const Table& table) {
            return !(table.tls.*file).empty() && !has_effect(table.tls);
        };
        bool is_idle_in_pool = !has_more_backends_ && is_said(pool_, name) && is_idle(pool_);
        for (const auto& backend : backends_) {
            if (!is_said(backend, name))
                is_idle_in_pool = is_idle_in_pool && is_idle(backend);
            else if (is_idle(backend))
                report(backend, name, refusal);
        }
        if (is_idle_in_pool) report(pool_, name, refusal);
    }

    /// `refuse` says what is wrong with a backend's resulting values of these keys. If no backend's
    /// own table contributes, the problem is reported once at the pool.
    template <typename Refuse>
    void contradictory(Names names, Refuse&& refuse) {
        if (is_refused(names)) return;
        std::optional<Refusal> of_pool;
        const Table* heir = nullptr;
        if (backends_.empty() && !has_more_backends_) of_pool = refuse(pool_.tls);
        for (const auto& backend : backends_) {
            const auto wrong = refuse(backend.tls);
            if (!wrong || report_at_said(backend, names, *wrong)) continue;
            of_pool = wrong;
            heir = &backend;
        }
        if (!of_pool || report_at_said(pool_, names, *of_pool)) return;
        // A backends file does not contain the pool's settings.
        if (heir != nullptr) report(*heir, *names.begin(), *of_pool);
    }

    /// Reports at the first of these keys in the table; false if it has none.
    bool report_at_said(const Table& table, Names names, const Refusal& refusal) {
        const auto* const said =
            std::ranges::find_if(names, [&](auto name) { return is_said(table, name); });
        if (said == names.end()) return false;
        report(table, *said, refusal);
        return true;
    }

    const Places& places_;
    std::vector<Problem>& problems_;
    const bool has_more_backends_;  ///< in their own file
    const Table pool_;
    std::vector<Table> backends_;
};

}  // namespace

void check_tls(const Listener& listener, const Places& places, std::vector<Problem>& problems) {
    if (listener.tls) ListenerCheck(listener, places, problems).run();
}

void check_tls(const Admin& admin, const Places& places, std::vector<Problem>& problems) {
    if (admin.tls) ServerCheck(*admin.tls, places, problems).run();
}

void check_tls(const Pool& pool, const Places& places, std::vector<Problem>& problems) {
    PoolCheck(pool, places, problems).run();
}

}  // namespace ballast::config
