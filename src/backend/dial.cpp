// SPDX-License-Identifier: Apache-2.0
#include "backend/dial.h"

namespace ballast::backend {

loop::Task<base::Result<std::unique_ptr<net::Stream>>> dial(net::Network& network,
                                                            const Contact& contact,
                                                            net::Dial request,
                                                            loop::Deadline deadline,
                                                            loop::Signal& signal) {
    const auto is_left = [&contact] { return contact.is_left(); };
    auto dialled = co_await network.dial(request, deadline, signal, is_left);
    if (!dialled && is_left()) co_return std::unexpected(contact.left(request.to));
    co_return dialled;
}

}  // namespace ballast::backend
