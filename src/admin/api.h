// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "admin/http.h"
#include "admin/page.h"
#include "admin/route.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <expected>
#include <span>
#include <string>
#include <utility>

namespace ballast::admin {

/// Finds the route of a request and answers it. Belongs to the control thread.
class Api {
public:
    /// `state_file` keeps administrative states; empty: they end with the process.
    Api(loop::Loop& loop, Actions actions, std::string state_file);

    /// Never fails: what is wrong with the request is the answer.
    [[nodiscard]] loop::Task<Answer> answer(Request request);
    /// The same for an operator of another node, in the words of asked.h.
    [[nodiscard]] loop::Task<std::string> answer_node(std::string question);
    /// Puts all backends, and the balancer, into the states that operators have decided.
    void restore();
    /// Browsers see these files, which live as long as the program.
    void show(std::span<const PageFile> page) { page_ = page; }
    /// Takes a sample now and from time to time. To be called when the backends are there.
    void begin_history();
    /// The Unix socket of this process.
    void set_socket(std::string path) { desk_.socket = std::move(path); }
    /// Keeps a state that is in force already. Without a pool it is the balancer's.
    void note(const std::string& pool, const std::string& backend, pool::AdminState state);

private:
    struct Found;
    [[nodiscard]] static std::expected<Found, Answer> find(const Request& request);
    [[nodiscard]] loop::Task<> sample();

    Desk desk_;
    std::span<const PageFile> page_;
    loop::Job sampling_;
};

}  // namespace ballast::admin
