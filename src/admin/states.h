// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/admin_state.h"

#include <compare>
#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace ballast::admin {

/// What operators have decided, by names. It outlives the backends: one that is gone for a while is
/// in its old state when it comes back.
struct States {
    struct Name {
        std::string pool;
        std::string backend;

        friend auto operator<=>(const Name&, const Name&) = default;
    };
    pool::AdminState balancer = pool::AdminState::ready;
    std::map<Name, pool::AdminState> backends;  ///< those that are not ready

    void set(Name name, pool::AdminState state);
};

/// One JSON object, as the state file holds it.
[[nodiscard]] std::string to_json(const States& states);
/// The states, or what is wrong with the text.
[[nodiscard]] std::expected<States, std::string> states_from(std::string_view json);

/// The decisions, and the file that keeps them over a restart. Belongs to the control thread.
class StateKeeper {
public:
    /// Empty `file`: they end with the process. A damaged file is logged and ignored: it must not
    /// keep the balancer from starting.
    explicit StateKeeper(std::string file);

    [[nodiscard]] const States& states() const { return states_; }
    /// Without a pool the state is the balancer's. Returns why it cannot be kept; empty: it is.
    [[nodiscard]] std::string set(States::Name name, pool::AdminState state);

private:
    const std::string file_;
    States states_;
};

}  // namespace ballast::admin
