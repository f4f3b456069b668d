// SPDX-License-Identifier: Apache-2.0
#include "backend/sealed.h"

#include "backend/dial.h"
#include "backend/leg.h"
#include "backend/refusal.h"
#include "base/ascii.h"

namespace ballast::backend {

namespace {

/// The backend's greeting, HOST and AUTH.
loop::Task<base::Result<std::unique_ptr<net::Stream>>> connect_explicit(
    net::Network& network, Contact contact, const SealedRequest& request, loop::Signal& signal) {
    contact.is_sealed = true;
    auto leg = co_await Leg::connect(network, std::move(contact), false, signal);
    if (!leg) co_return std::unexpected(leg.error());
    const auto survey = (*leg)->known().survey();
    if (!request.host.empty() && survey && survey->features.has("HOST")) {
        auto host = co_await (*leg)->command("HOST " + request.host);
        // The client chooses the name, so it could make any server close or hang.
        if (!host && host.error().fault == base::Fault::backend)
            host.error().fault = base::Fault::backend_refused;
        if (!host) co_return std::unexpected(host.error());
        if (!host->is_positive()) co_return std::unexpected(refusal("HOST was answered", *host));
    }
    const auto auth = co_await (*leg)->command(request.auth);
    if (!auth) co_return std::unexpected(auth.error());
    // A backend that refuses every AUTH must not stay the least busy for ever, so hold AUTH TLS
    // against it. Many servers know only AUTH TLS, and any client may send AUTH SSL, so do not
    // count that.
    const bool is_held_against_it = base::is_same_but_for_case(request.auth, "AUTH TLS");
    if (auth->code != 234)
        co_return std::unexpected(
            refusal("AUTH was answered", *auth,
                    is_held_against_it ? base::Fault::backend : base::Fault::backend_refused));
    auto stream = (*leg)->take_stream();
    // RFC 4217 15.1: bytes before TLS do not count under TLS.
    if (!stream)
        co_return std::unexpected(
            base::Error{base::Fault::backend, {}, "the backend continued in plain text after 234"});
    co_return std::move(stream);
}

/// Connects and sends a PROXY header if needed.
loop::Task<base::Result<std::unique_ptr<net::Stream>>> connect_implicit(net::Network& network,
                                                                        const Contact& contact,
                                                                        loop::Signal& signal) {
    const auto deadline = network.loop().after(contact.settings->connect_timeout);
    auto stream = co_await dial(network, contact,
                                {.to = contact.address,
                                 .from = {},
                                 .fault = base::Fault::backend,
                                 .user_timeout = contact.settings->tcp_user_timeout,
                                 .purpose = net::Dial::Purpose::control},
                                deadline, signal);
    if (!stream) co_return std::unexpected(stream.error());
    const net::Attached attached(**stream, signal);
    auto sent =
        co_await net::write_all(**stream, signal, contact.preamble, base::Fault::backend, deadline);
    if (!sent) co_return std::unexpected(sent.error());
    co_return std::move(*stream);
}

}  // namespace

loop::Task<base::Result<std::unique_ptr<net::Stream>>> connect_sealed(net::Network& network,
                                                                      Contact contact,
                                                                      SealedRequest request,
                                                                      loop::Signal& signal) {
    const auto deadline_of_words = contact.settings->reply_timeout;
    std::unique_ptr<net::Stream> stream;
    if (request.auth.empty()) {
        auto connected = co_await connect_implicit(network, contact, signal);
        if (!connected) co_return std::unexpected(connected.error());
        stream = std::move(*connected);
    } else {
        auto connected = co_await connect_explicit(network, std::move(contact), request, signal);
        if (!connected) co_return std::unexpected(connected.error());
        stream = std::move(*connected);
    }
    const net::Attached attached(*stream, signal);
    auto sent = co_await net::write_all(*stream, signal, request.first_bytes, base::Fault::backend,
                                        network.loop().after(deadline_of_words));
    if (!sent) co_return std::unexpected(sent.error());
    co_return std::move(stream);
}

}  // namespace ballast::backend
