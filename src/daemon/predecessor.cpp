// SPDX-License-Identifier: Apache-2.0
#include "daemon/predecessor.h"

#include "net/port_words.h"

#include <utility>

namespace ballast::daemon {

Predecessor::Predecessor(loop::WorkerLoop& control, net::SocketNetwork& network,
                         net::PassivePorts& ports, net::PassivePorts::WorkerIndex index,
                         Events events)
    : control_(control),
      events_(std::move(events)),
      lender_(network, ports, index, [this](std::string message, base::OwnedFd descriptor) {
          if (link_) link_->send(std::move(message), std::move(descriptor));
      }) {}

base::Result<> Predecessor::begin(base::OwnedFd link) {
    auto watched = loop::Descriptor::open(control_, link.get());
    if (!watched) return std::unexpected(watched.error());
    (void)link.release();
    is_here_ = true;
    link_.emplace(
        control_, std::move(*watched),
        [this](std::string_view message, base::OwnedFd descriptor) {
            take(message, std::move(descriptor));
        },
        [this] { lost(); });
    link_->send("ready");
    return {};
}

void Predecessor::serve() {
    if (link_) link_->send("serving");
}

void Predecessor::tell(std::string message) {
    if (link_) link_->send(std::move(message));
}

void Predecessor::take_seats(std::string_view message) {
    net::Words words(message);
    (void)words.next();
    admin::BackendState state;
    state.pool = words.next();
    state.backend = words.next();
    state.address = words.next();
    const auto sessions = words.number<std::uint32_t>();
    const auto transfers = words.number<std::uint32_t>();
    if (!sessions || !transfers) return;
    state.sessions = *sessions;
    state.transfers = *transfers;
    seats_.push_back(std::move(state));
}

void Predecessor::handed() {
    if (std::exchange(is_handed_, true)) return;
    control_.post([this] { events_.handed(); });
}

void Predecessor::take(std::string_view message, base::OwnedFd descriptor) {
    if (lender_.take(message)) return;
    net::Words words(message);
    const auto verb = words.next();
    if (verb == "port") {
        const auto local = words.ip();
        const auto port = words.number<std::uint16_t>();
        if (local && port && descriptor) events_.port({*local, *port}, std::move(descriptor));
    } else if (verb == "handed") {
        handed();
    } else if (verb == "seats") {
        take_seats(message);
    } else if (verb == "load") {
        generations_.clear();
        seats_.clear();
        while (const auto pid = words.number<std::uint32_t>()) {
            const auto sessions = words.number<std::uint32_t>();
            const auto transfers = words.number<std::uint32_t>();
            if (sessions && transfers) generations_.push_back({*pid, *sessions, *transfers});
        }
    }
}

/// If it has gone before it handed over, this process serves all the same.
void Predecessor::lost() {
    is_here_ = false;
    generations_.clear();
    seats_.clear();
    lender_.lose();
    handed();
    // The socket itself calls this, so it cannot end now.
    control_.post([this] {
        link_.reset();
        events_.gone();
    });
}

}  // namespace ballast::daemon
