// SPDX-License-Identifier: Apache-2.0
#include "admin/history.h"
#include "admin/routes.h"
#include "admin/shape.h"

#include <fmt/format.h>
#include <tuple>

/// What only the page needs.
namespace ballast::admin {

template <>
struct Shape<Rights> {
    static constexpr auto fields = std::tuple(
        Field{"may_look", &Rights::may_look, "Requests like this one may read everything."},
        Field{"may_change", &Rights::may_change, "They may change something."},
        Field{"may_sign_in", &Rights::may_sign_in,
              "A token of admin.token_file would give what is missing."});
};

template <>
struct Shape<Sample> {
    static constexpr auto fields =
        std::tuple(Field{"at", &Sample::at, "When it was taken."},
                   Field{"sessions", &Sample::sessions, "Sessions of all listeners."},
                   Field{"transfers", &Sample::transfers, "Transfers that ran."},
                   Field{"bytes_per_second", &Sample::bytes_per_second,
                         "Of all transfers, over the seconds before."});
};

template <>
struct Shape<BackendHistory> {
    static constexpr auto fields =
        std::tuple(Field{"pool", &BackendHistory::pool, "The pool."},
                   Field{"backend", &BackendHistory::backend, "The backend."},
                   Field{"address", &BackendHistory::address, "Address and port."},
                   Field{"bytes_per_second", &BackendHistory::bytes_per_second,
                         "At the times of the last samples; a new backend has fewer."});
};

namespace {

Answer show_rights(Desk& /*desk*/, const Call& call) { return {.body = json_of(call.rights)}; }

Answer show_history(Desk& desk, const Call& /*call*/) {
    const auto& samples = desk.history.samples();
    return {.body = fmt::format(R"({{"interval":{},"samples":{},"backends":{}}})",
                                History::interval.count(),
                                json_of(std::vector<Sample>(samples.begin(), samples.end())),
                                json_of(desk.history.backends()))};
}

std::string schema_of_history() {
    return object_schema(fmt::format(
        R"("interval":{{"type":"integer","description":"Seconds between samples."}},"samples":{},"backends":{})",
        schema_of<std::vector<Sample>>(), schema_of<std::vector<BackendHistory>>()));
}

const Route routes[] = {
    {.method = "GET",
     .path = "/v1/rights",
     .summary = "What requests like this one may do.",
     .handler = show_rights,
     .schema = schema_of<Rights>},
    {.method = "GET",
     .path = "/v1/history",
     .summary = "Throughput, sessions and transfers of the last 15 minutes of this process.",
     .handler = show_history,
     .schema = schema_of_history},
};

}  // namespace

std::span<const Route> page_routes() { return routes; }

}  // namespace ballast::admin
