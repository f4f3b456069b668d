// SPDX-License-Identifier: Apache-2.0
#include "admin/routes.h"

namespace ballast::admin {

const std::vector<Route>& all_routes() {
    static const std::vector<Route> all = [] {
        std::vector<Route> routes;
        for (const auto part : {process_routes(), backend_routes(), session_routes(),
                                overview_routes(), explain_routes(), event_routes(), page_routes()})
            routes.insert(routes.end(), part.begin(), part.end());
        return routes;
    }();
    return all;
}

}  // namespace ballast::admin
