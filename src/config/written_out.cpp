// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"
#include "config/settings.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace ballast::config {

namespace {

/// Whether to write a setting. Some would change their meaning by being in the file, even with the
/// default value.
bool is_to_be_written(const auto&, std::string_view) { return true; }
bool is_to_be_written(const Listener& listener, std::string_view key) {
    return key != "passive_ports" || listener.lends_ports();
}
bool is_to_be_written(const Backend& backend, std::string_view key) {
    return key != "weight" || backend.srv.empty() || backend.has_weight;
}
bool is_to_be_written(const Route& route, std::string_view key) {
    return key != "pool" || !route.pool.empty();
}
/// An empty list has no effect and would cause a warning.
bool is_to_be_written(const RouteMatch& match, std::string_view key) {
    return (key == "user" && !match.user.empty()) || (key == "network" && !match.network.empty()) ||
           (key == "host" && !match.host.empty()) || (key == "sni" && !match.sni.empty()) ||
           (key == "certificate" && !match.certificate.empty());
}
bool asks_for_something(const RouteMatch& match) {
    return std::ranges::any_of(section_of(ConstRecord(match)).settings, [&](const auto& setting) {
        return is_to_be_written(match, setting.key);
    });
}

class Writer {
public:
    [[nodiscard]] std::string take() { return std::move(text_); }

    template <typename S>
    void table(std::string_view header, const S& values) {
        if (!header.empty()) fmt::format_to(std::back_inserter(text_), "\n{}\n", header);
        const ConstRecord record(values);
        for (const auto& setting : section_of(record).settings)
            if (is_to_be_written(values, setting.key)) line(setting, record);
    }

private:
    void line(const Setting& setting, ConstRecord values) {
        fmt::format_to(std::back_inserter(text_), "{}{} = {}\n",
                       is_said(setting.kind, values) ? "" : "# ", setting.key,
                       shown(setting.kind, values));
    }

    std::string text_;
};

void write(Writer& writer, const Listener& listener) {
    const auto key = fmt::format("listener.{}", listener.name);
    writer.table('[' + key + ']', listener);
    if (listener.tls) writer.table('[' + key + ".tls]", *listener.tls);
    for (const auto& route : listener.routes) {
        writer.table("[[" + key + ".route]]", route);
        if (asks_for_something(route.match)) writer.table('[' + key + ".route.match]", route.match);
    }
}

void write(Writer& writer, const Pool& pool) {
    const auto key = fmt::format("pool.{}", pool.name);
    writer.table('[' + key + ']', pool);
    writer.table('[' + key + ".stick]", pool.stick);
    writer.table('[' + key + ".queue]", pool.queue);
    writer.table('[' + key + ".observe]", pool.observe);
    writer.table('[' + key + ".probe]", pool.probe);
    writer.table('[' + key + ".tls]", pool.tls);
    for (const auto& backend : pool.backends) {
        writer.table("[[" + key + ".backend]]", backend);
        writer.table('[' + key + ".backend.tls]", backend.tls);
    }
}

}  // namespace

std::string written_out(const Config& config) {
    Writer writer;
    writer.table("", config);
    writer.table("[log]", config.log);
    writer.table("[transfer_log]", config.transfer_log);
    writer.table("[admin]", config.admin);
    if (config.admin.tls) writer.table("[admin.tls]", *config.admin.tls);
    writer.table("[cluster]", config.cluster);
    writer.table("[limits]", config.limits);
    for (const auto& listener : config.listeners) write(writer, listener);
    for (const auto& pool : config.pools) write(writer, pool);
    return writer.take();
}

}  // namespace ballast::config
