// SPDX-License-Identifier: Apache-2.0
#include "config/check_data_path.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::config {

namespace {

class DataPathCheck {
public:
    DataPathCheck(const Config& config, Findings findings) : config_(config), findings_(findings) {}

    void run() {
        for (const auto& pool : config_.pools) {
            if (!findings_.holds(key(pool, "data"))) continue;
            if (pool.data == DataPath::direct)
                direct(pool);
            else
                without_effect(pool);
        }
    }

private:
    static std::string key(const Pool& pool, std::string_view name) {
        return fmt::format("{}.{}", pool.where.key, name);
    }

    void direct(const Pool& pool) {
        if (pool.failover == Failover::transfer)
            findings_.add(key(pool, "failover"),
                          "downloads cannot go on elsewhere, because data = \"direct\" takes them "
                          "past Ballast",
                          "use failover = \"session\", or data = \"relay\"");
        if (pool.tls.mode != BackendTlsMode::off)
            findings_.add(key(pool, "tls.mode"),
                          "TLS to the backends cannot be had with data = \"direct\": clients would "
                          "have to speak it on their data connections",
                          "use data = \"relay\", or a listener with mode = \"passthrough\"");
        if (findings_.is_said(key(pool, "backend_data")))
            findings_.warn(key(pool, "backend_data"),
                           "backend_data has no effect with data = \"direct\"", "remove it");
        for (const auto& listener : config_.listeners) {
            const auto pools = config_.pools_of(listener);
            if (std::ranges::find(pools, &pool) != pools.end()) listener_of_direct(listener, pool);
        }
    }

    void listener_of_direct(const Listener& listener, const Pool& pool) {
        if (listener.mode == ListenerMode::passthrough)
            findings_.add(listener.where.key + ".mode",
                          fmt::format("mode = \"passthrough\" leads to pool \"{}\", whose data are "
                                      "direct: Ballast does not see the replies that name them",
                                      pool.name),
                          "use data = \"relay\" there, or another pool");
        else if (listener.tls)
            findings_.add(listener.where.key + ".tls",
                          fmt::format("the listener ends TLS, and leads to pool \"{}\", whose data "
                                      "are direct: its backends do not know of the clients' TLS",
                                      pool.name),
                          "use data = \"relay\" there, or a listener without tls");
    }

    void without_effect(const Pool& pool) {
        for (const auto& backend : pool.backends)
            if (!backend.data_address.empty())
                findings_.warn(backend.where.key + ".data_address",
                               "data_address has no effect without data = \"direct\"",
                               "remove it, or add data = \"direct\" to the pool");
    }

    const Config& config_;
    Findings findings_;
};

}  // namespace

void check_data_path(const Config& config, Findings findings) {
    DataPathCheck(config, findings).run();
}

}  // namespace ballast::config
