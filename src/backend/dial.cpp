// SPDX-License-Identifier: Apache-2.0
#include "backend/dial.h"

#include "loop/job.h"

#include <optional>
#include <utility>

namespace ballast::backend {

namespace {

using Dialled = base::Result<std::unique_ptr<net::Stream>>;

loop::Task<> run(net::Network& network, net::Dial request, loop::Deadline deadline,
                 std::optional<Dialled>& into) {
    into = co_await network.dial(request, deadline);
}

}  // namespace

loop::Task<Dialled> dial(net::Network& network, const Contact& contact, net::Dial request,
                         loop::Deadline deadline, loop::Signal& signal) {
    std::optional<Dialled> dialled;
    const auto job = loop::Job::start(run(network, request, deadline, dialled), &signal);
    while (!job.is_done()) {
        if (contact.is_disabled && contact.is_disabled())
            co_return std::unexpected(base::Error{
                base::Fault::backend_refused, {}, base::to_string(request.to) + " was disabled"});
        (void)co_await signal.wait(loop::never);
    }
    co_return std::move(*dialled);
}

}  // namespace ballast::backend
