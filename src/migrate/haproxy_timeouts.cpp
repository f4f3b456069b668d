// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_translation.h"

#include <optional>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string_view;

class Timeouts {
public:
    Timeouts(Translation& it, const Service& service, DraftListener& listener)
        : it_(it), service_(service), listener_(listener) {}

    /// HAProxy has one time for all connections; FTP needs one for sessions and one for transfers.
    void run() {
        const auto& proxy = *service_.entry;
        const auto targets = targets_of(proxy, it_.proxies);
        const auto* const servers = targets.empty() ? nullptr : targets.front();
        const auto control = inactivity(proxy, servers);
        const auto* data_entry = &proxy;
        const Proxy* data_servers = servers;
        for (const auto& range : service_.ranges)
            if (range.entry != &proxy) {
                data_entry = range.entry;
                const auto behind = targets_of(*range.entry, it_.proxies);
                data_servers = behind.empty() ? nullptr : behind.front();
            }
        const auto data = inactivity(*data_entry, data_servers);
        if (control)
            listener_.settings.set("idle_timeout", Value::time(control->first),
                                   it_.origin(*control->second));
        if (data)
            listener_.settings.set("data_stall_timeout", Value::time(data->first),
                                   it_.origin(*data->second));
        if (!control)
            it_.notes.add(proxy.line, "(no timeout)", Outcome::approximated,
                          "HAProxy waits for ever: Ballast ends idle sessions after idle_timeout "
                          "(15m) and stalled transfers after data_stall_timeout (5m)");
    }

private:
    using Inactivity = std::optional<std::pair<config::Duration, const Line*>>;

    /// `timeout tunnel` takes the place of the other two, of which the shorter one strikes.
    Inactivity inactivity(const Proxy& entry, const Proxy* servers) {
        constexpr string_view both =
            "idle_timeout for sessions and data_stall_timeout for transfers; choose each for "
            "itself";
        Inactivity found;
        const auto* tunnel = servers == nullptr ? nullptr : servers->last({"timeout", "tunnel"});
        if (tunnel == nullptr) tunnel = entry.last({"timeout", "tunnel"});
        const Line* const others[] = {
            entry.last({"timeout", "client"}),
            servers == nullptr ? nullptr : servers->last({"timeout", "server"})};
        for (const auto* const line : others) {
            const auto time = line == nullptr ? std::nullopt : it_.time(*line, 2);
            if (!time) continue;
            it_.notes.add(*line, Outcome::approximated,
                          tunnel == nullptr ? both : "timeout tunnel takes its place");
            if (!found || *time < found->first) found = {{*time, line}};
        }
        if (tunnel == nullptr) return found;
        const auto time = it_.time(*tunnel, 2);
        if (time) it_.notes.add(*tunnel, Outcome::approximated, both);
        return time ? Inactivity{{*time, tunnel}} : found;
    }

    Translation& it_;
    const Service& service_;
    DraftListener& listener_;
};

}  // namespace

void translate_timeouts(Translation& it, const Service& service, DraftListener& listener) {
    Timeouts(it, service, listener).run();
}

}  // namespace ballast::migrate::haproxy
