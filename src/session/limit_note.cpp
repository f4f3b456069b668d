// SPDX-License-Identifier: Apache-2.0
#include "session/limit_note.h"

#include "base/log.h"
#include "events/bus.h"
#include "metrics/counters.h"

#include <fmt/format.h>
#include <vector>

namespace ballast::session {

void note_limit(const guard::Ledger& ledger, guard::Limit limit, const config::Listener& listener,
                std::string_view client, std::initializer_list<log::Field> session) {
    const auto& row = guard::row_of(limit);
    if (row.counter) metrics::count(*row.counter);
    const auto setting = ledger.setting_of(limit, listener);
    std::vector<log::Field> fields = {
        {"limit", row.text},    {"fault", base::to_string(row.fault)},
        {"client", client},     {"listener", listener.name},
        {"key", setting.key},   {"value", setting.value},
        {"cure", setting.cure},
    };
    fields.insert(fields.end(), session.begin(), session.end());
    log::write_seldom(log::Level::warning, "a limit is reached", row.text, fields);
    events::publish_seldom(events::Kind::limit_reached, row.text,
                           {{"limit", row.text},
                            {"client", client},
                            {"listener", listener.name},
                            {"key", setting.key},
                            {"value", setting.value},
                            {"cure", setting.cure}});
}

void note_own_session(std::string_view client) {
    metrics::count(metrics::Counter::sessions_from_ourselves);
    log::write_seldom(log::Level::warning, "a backend leads back to this process", {},
                      {{"client", client}, {"fault", to_string(base::Blame::configuration)}});
}

std::string refusal_text(guard::Limit limit) {
    return fmt::format("Try again later: {}.", guard::row_of(limit).text);
}

}  // namespace ballast::session
