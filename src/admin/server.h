// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "admin/api.h"
#include "admin/entrance.h"
#include "admin/page.h"
#include "admin/socket_file.h"
#include "base/address.h"
#include "base/error.h"
#include "base/owned_fd.h"
#include "config/config.h"
#include "config/problem.h"
#include "loop/worker_loop.h"

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ballast::admin {

/// The socket that the settings demand, or why there is none.
struct OperatorSocket {
    std::optional<SocketFile> file;
    std::string why_not;
};
/// A problem only if the settings name a socket that cannot be opened. With `replaces`, another
/// process may have it: this one takes its place.
[[nodiscard]] std::expected<OperatorSocket, config::Problem> open_socket(
    const config::Config& config, bool replaces = false);

/// The HTTP API for operators, from its construction to its end. Belongs to the loop's thread, the
/// control thread, except that it may be made before the loop runs.
class Server {
public:
    /// Logs where it listens, or why it does not.
    Server(loop::WorkerLoop& loop, OperatorSocket socket, Actions actions, std::string state_file,
           Patience patience = {});

    /// What an operator of another node wants, see `Api::answer_node`.
    [[nodiscard]] loop::Task<std::string> answer_node(std::string question) {
        return api_.answer_node(std::move(question));
    }
    /// To be called when the pools are there, and after each reload: puts backends and balancer
    /// into the states that operators have decided.
    void restore() { api_.restore(); }
    /// Once, when the pools are there. `page` lives as long as the program.
    void show(std::span<const PageFile> page) {
        api_.show(page);
        api_.begin_history();
    }
    /// An operator has decided this through the process that this one has replaced.
    void note(const std::string& pool, const std::string& backend, pool::AdminState state) {
        api_.note(pool, backend, state);
    }

    /// What operators over TCP need, from now on. Call it before `open`.
    void use(Access access);
    /// Operators connect to this socket, too, which is listening and non-blocking. `address` is
    /// what the settings name.
    [[nodiscard]] base::Result<> open(const base::Address& address, base::OwnedFd listening);
    /// Accepts no more there. Requests that have come are answered.
    void close(const base::Address& address);
    /// Another process has replaced this one: whoever connects again reaches that one, so no
    /// connection stays longer than its request. For the sessions that are left, this one goes on
    /// answering at a Unix socket of its own, for this group.
    void see_off(const std::string& group);

private:
    struct Door {
        base::Address address;
        std::unique_ptr<Entrance> entrance;
    };
    [[nodiscard]] Answerer answerer();
    [[nodiscard]] bool open(Entrance& entrance, SocketFile& file);
    [[nodiscard]] Entrance* find(const base::Address& address);

    loop::WorkerLoop& loop_;
    Api api_;
    std::shared_ptr<const Access> access_ = std::make_shared<const Access>();
    std::optional<SocketFile> file_;
    Entrance socket_;
    std::optional<SocketFile> own_file_;  // of a replaced process
    std::optional<Entrance> own_socket_;
    std::vector<Door> doors_;
};

}  // namespace ballast::admin
