// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/owned_fd.h"
#include "config/problem.h"
#include "daemon/escort.h"
#include "pool/admin_state.h"
#include "pool/administration.h"
#include "pool/backend.h"
#include "pool/thresholds.h"

#include <optional>
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

    /// What operators have set for a backend in place of the configuration.
    struct Tuned {
        std::string pool;
        std::string backend;  ///< its configured name
        pool::Tuning tuning;
    };

    /// Where a backend's name leads, and whether it is up.
    struct Member {
        std::string pool;
        std::string backend;  ///< its configured name
        pool::Target target;
        pool::Health health{};
    };
    struct PublicName {
        std::string name;
        base::Ip address;
    };

    base::OwnedFd link;  ///< to the process to be replaced; empty: there is none
    Escort escort;       ///< until this process serves
    std::vector<Listener> listeners;
    std::vector<Decision> decisions;  ///< of operators
    std::vector<Tuned> tuned;
    std::vector<Member> members;
    std::vector<PublicName> public_names;

    [[nodiscard]] std::vector<base::Address> addresses() const;
};

/// Reads the environment, once, before the first thread. An error if a promised socket is not one,
/// or the other process does not say what it gives.
[[nodiscard]] base::Result<Inheritance> inherit();

/// The words for it, as the process to be replaced says them.
[[nodiscard]] std::string words_of(const Inheritance::Listener& listener);
[[nodiscard]] std::string words_of(const Inheritance::Decision& decision);
[[nodiscard]] std::string words_of(const Inheritance::Tuned& tuned);
[[nodiscard]] std::string words_of(const Inheritance::Member& member);
[[nodiscard]] std::string words_of(const Inheritance::PublicName& name);
/// Empty if these words are not a decision.
[[nodiscard]] std::optional<Inheritance::Decision> decision_from(std::string_view message);
inline constexpr std::string_view last_word_of_inheritance = "begin";

/// Tells the process to be replaced why this one ends. Nothing happens if there is none.
void tell_failure(const base::OwnedFd& link, std::string_view reason);
/// Each problem, also to standard error.
void tell_failure(const base::OwnedFd& link, const std::vector<config::Problem>& problems,
                  const std::string& file);

}  // namespace ballast::daemon
