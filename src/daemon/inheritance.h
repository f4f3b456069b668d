// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/owned_fd.h"
#include "config/problem.h"
#include "pool/admin_state.h"

#include <string>
#include <string_view>
#include <vector>

namespace ballast::daemon {

/// What this process has from before its start: from the process that it is to replace (an
/// upgrade), or from the service manager (socket activation, sd_listen_fds(3)).
struct Inheritance {
    struct Listener {
        base::Address address;
        base::OwnedFd socket;
        /// The service manager has it too, so it must stay usable when this process ends.
        bool is_activated = false;
    };
    struct Decision {
        std::string pool;     ///< empty: the whole balancer
        std::string backend;  ///< its configured name
        pool::AdminState state{};
    };

    base::OwnedFd link;  ///< to the process to be replaced; empty: there is none
    std::vector<Listener> listeners;
    std::vector<Decision> decisions;  ///< of operators

    [[nodiscard]] std::vector<base::Address> addresses() const;
};

/// Reads the environment, once, before the first thread. An error if a promised socket is not one,
/// or the other process does not say what it gives.
[[nodiscard]] base::Result<Inheritance> inherit();

/// The words for it, as the process to be replaced says them.
[[nodiscard]] std::string words_of(const Inheritance::Listener& listener);
[[nodiscard]] std::string words_of(const Inheritance::Decision& decision);
inline constexpr std::string_view last_word_of_inheritance = "begin";

/// Tells the process to be replaced why this one ends. Nothing happens if there is none.
void tell_failure(const base::OwnedFd& link, std::string_view reason);
/// Each problem, also to standard error.
void tell_failure(const base::OwnedFd& link, const std::vector<config::Problem>& problems,
                  const std::string& file);

}  // namespace ballast::daemon
