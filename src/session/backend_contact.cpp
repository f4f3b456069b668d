// SPDX-License-Identifier: Apache-2.0
#include "session/backend_contact.h"

#include "net/proxy_header.h"

namespace ballast::session {

namespace {

/// What a backend may learn about the client besides its address.
net::ProxyFacts facts_of(const Context& context) {
    net::ProxyFacts facts{.session = context.id, .tls = {}};
    if (const auto* const tls = context.client.tls())
        facts.tls = {.version = std::string(tls->version()),
                     .cipher = std::string(tls->cipher()),
                     .server_name = context.dialog.server_name(),
                     .common_name = tls->peer_common_name()};
    return facts;
}

}  // namespace

backend::Contact contact_of(const Context& context, const Assignment& assignment) {
    const auto& chosen = assignment.backend();
    auto contact = assignment.pool().contacts->contact(chosen.settings, chosen.id, chosen.address);
    contact.session = context.id;
    contact.figures = assignment.figures();
    contact.patience = [state = assignment.admin_cell(), id = chosen.id, &context] {
        if (*state == pool::AdminState::disabled || context.is_cut())
            return backend::Patience::disabled;
        const bool is_given_up = context.gives_up && context.gives_up(id);
        return is_given_up ? backend::Patience::given_up : backend::Patience::on;
    };
    const auto client = context.client.peer();
    // A backend cannot be reached from an address of the other family.
    if (assignment.settings().source.kind == config::Source::Kind::client &&
        client.ip.family() == chosen.address.ip.family()) {
        contact.source = client.ip;
        contact.is_transparent = true;
    }
    switch (assignment.settings().send_proxy) {
        case config::ProxyHeader::off: break;
        case config::ProxyHeader::v1:
            contact.preamble = net::proxy_header_v1(client, context.reached_address());
            break;
        case config::ProxyHeader::v2:
            contact.preamble =
                net::proxy_header_v2(client, context.reached_address(), facts_of(context));
            break;
    }
    return contact;
}

}  // namespace ballast::session
