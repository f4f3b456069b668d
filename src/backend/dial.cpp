// SPDX-License-Identifier: Apache-2.0
#include "backend/dial.h"

namespace ballast::backend {

loop::Task<base::Result<std::unique_ptr<net::Stream>>> dial(net::Network& network,
                                                            const Contact& contact,
                                                            net::Dial request,
                                                            loop::Deadline deadline,
                                                            loop::Signal& signal) {
    if (!request.from && contact.source && contact.source->family() == request.to.ip.family())
        request.from = contact.source;
    request.is_transparent = contact.is_transparent && request.from.has_value();
    const auto is_left = [&contact] { return contact.is_left(); };
    auto dialled = co_await network.dial(request, deadline, signal, is_left);
    if (!dialled && is_left()) co_return std::unexpected(contact.left(request.to));
    // One client without a way back says nothing about the backend's health.
    if (!dialled && request.is_transparent && dialled.error().fault == base::Fault::backend)
        dialled.error().fault = base::Fault::backend_refused;
    co_return dialled;
}

}  // namespace ballast::backend
