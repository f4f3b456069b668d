// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/owned_fd.h"
#include "config/config.h"
#include "config/problem.h"
#include "daemon/inheritance.h"
#include "daemon/worker.h"
#include "guard/limit.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::daemon {

/// The addresses where clients and operators connect. A reload opens new ones and closes those that
/// are gone; an address that stays is not closed for a moment, whatever its listener. Control
/// thread.
class Doors {
public:
    /// Called on a worker's thread.
    using TakeClient = std::function<void(base::OwnedFd client, base::Address peer,
                                          std::string_view listener, bool begins_with_tls)>;

    /// Accepts operators, on the control thread. `open` gets a non-blocking listening socket, and
    /// owns it from then on.
    struct ForOperators {
        std::function<void(const base::Address& address, base::OwnedFd listening)> open;
        std::function<void(const base::Address& address)> close;
    };

    /// `workers` outlive it.
    Doors(const std::vector<std::unique_ptr<Worker>>& workers, TakeClient take,
          ForOperators operators)
        : workers_(workers), take_(std::move(take)), operators_(std::move(operators)) {}

    /// Binds the addresses of this configuration that are not bound yet; some may be inherited.
    /// Clients are accepted there only after `switch_over`. If there are problems, nothing has
    /// changed.
    [[nodiscard]] std::vector<config::Problem> prepare(
        const config::Config& config, std::vector<Inheritance::Listener> inherited = {});
    /// Accepts at the addresses of `prepare`, and stops at all others.
    void switch_over();
    /// Stops where clients connect. New ones are refused from now on.
    void close_to_clients();

    /// Copies of all sockets, for the process that replaces this one.
    [[nodiscard]] std::vector<Inheritance::Listener> copies() const;
    /// Stops accepting; clients wait.
    void pause();
    /// Accepts again.
    void resume();
    /// Another process accepts at all of them.
    void leave();

private:
    struct Door {
        std::string listener;  ///< its name; empty: for operators
        base::Address address;
        bool begins_with_tls = false;
        bool free_bind = false;
        bool is_activated = false;     ///< see `Inheritance::Listener`
        base::OwnedFd socket = {};     ///< the worker accepts on a copy
        base::OwnedFd announced = {};  ///< see net/presence.h
        bool is_open = false;          ///< somebody accepts
        Worker* worker = nullptr;      ///< who accepts clients
        Worker::AcceptorId accepting = 0;

        [[nodiscard]] bool is_for_operators() const { return listener.empty(); }
    };
    [[nodiscard]] Door* find(const base::Address& address);
    [[nodiscard]] bool waits_for_another(const base::Address& address) const;
    [[nodiscard]] static base::Result<> bind(Door& door);
    void open(Door& door);
    void stop_accepting(Door& door);
    void close(Door& door);

    const std::vector<std::unique_ptr<Worker>>& workers_;
    const TakeClient take_;
    const ForOperators operators_;
    std::vector<Door> doors_;
    std::vector<Door> next_;  // those with a socket are new
    std::size_t opened_ = 0;
};

/// The text for clients without a session. Empty where TLS comes first: they could not read it.
[[nodiscard]] std::string last_words(bool begins_with_tls, guard::Limit limit);

}  // namespace ballast::daemon
