// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "admin/http.h"
#include "admin/states.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::admin {

/// The routes: what a request means, and the answer to it. Belongs to the control thread.
class Api {
public:
    static constexpr auto reload_timeout = std::chrono::seconds(60);
    static constexpr auto upgrade_timeout = std::chrono::seconds(90);

    /// `state_file` keeps administrative states; empty: they end with the process. A damaged file
    /// is logged and ignored.
    Api(loop::Loop& loop, Actions actions, std::string state_file);

    /// Never fails: what is wrong with the request is the answer. Only reloads and upgrades take
    /// time.
    [[nodiscard]] loop::Task<Answer> answer(Request request);
    /// Puts all backends, and the balancer, into the states that operators have decided.
    void restore();
    /// Keeps a state that is in force already. Without a pool it is the balancer's.
    void note(const std::string& pool, const std::string& backend, pool::AdminState state);

private:
    [[nodiscard]] loop::Task<Answer> reload(Request request);
    [[nodiscard]] loop::Task<Answer> upgrade();
    [[nodiscard]] Answer show_generations() const;
    [[nodiscard]] Answer reopen() const;
    [[nodiscard]] Answer show_backends() const;
    [[nodiscard]] Answer show_backend(std::string_view pool, std::string_view backend) const;
    [[nodiscard]] Answer show_balancer() const;
    [[nodiscard]] Answer set_balancer(const Request& request);
    [[nodiscard]] Answer set_backend(const std::string& pool, const std::string& backend,
                                     const Request& request);
    [[nodiscard]] Answer no_such_backend(std::string_view pool, std::string_view backend) const;
    [[nodiscard]] std::optional<Answer> keep_states() const;

    loop::Loop& loop_;
    Actions actions_;
    const std::string state_file_;
    States states_;
};

}  // namespace ballast::admin
