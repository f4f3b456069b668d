// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"
#include "config/config.h"
#include "config/load.h"
#include "net/listeners.h"

#include <compare>
#include <optional>
#include <set>
#include <string>
#include <sys/types.h>
#include <vector>

namespace ballast::daemon {

/// Tests whether the addresses and ports of a configuration can be listened on. Destroying it
/// closes all sockets.
class BindTrial {
public:
    /// Addresses that the running Ballast of this file holds are not a problem. Without a file
    /// every address must be free. `config` and `problems` must outlive it.
    /// `inherited` are not tried.
    BindTrial(const config::Config& config, std::string running_file,
              std::vector<base::Address> inherited, std::vector<config::Problem>& problems);
    void run();

    /// A line about addresses that were not tried because the running Ballast holds them. Empty:
    /// none.
    [[nodiscard]] std::string not_tried() const;

private:
    /// A running Ballast, and the user who runs it according to the system.
    struct Holder {
        net::Instance instance;
        uid_t user = 0;
        friend auto operator<=>(const Holder&, const Holder&) = default;
    };
    static Holder holder_of(const net::Listening& socket) {
        return {*socket.instance, socket.user};
    }

    /// Null: for operators.
    void try_control(const config::Listener* listener, const std::vector<base::Address>& addresses,
                     const std::string& key);
    void try_passive(const config::Listener& listener, const base::Ip& ip);
    void try_slices(const config::Listener& listener, const base::Ip& ip);
    void add_problem(const std::string& key, const config::Listener* listener,
                     const base::Address& address, const base::Error& error);
    /// Whether only the running Ballast is in the way.
    [[nodiscard]] bool is_own(const base::Address& address, const base::Error& error);
    [[nodiscard]] std::string remedy_for_use(const base::Address& address);

    /// Finds out who listens where at this moment.
    void look();
    void choose_own();
    [[nodiscard]] static bool is_trusted(const net::Listening& socket);
    [[nodiscard]] std::vector<net::Listening> in_the_way_of(const base::Address& address) const;

    const config::Config& config_;
    const std::string running_file_;
    const std::vector<base::Address> inherited_;
    std::vector<config::Problem>& problems_;
    std::vector<base::Address> control_;
    std::vector<base::OwnedFd> held_;
    std::vector<base::Address> not_tried_;
    std::vector<net::Listening> listening_;  // by port
    std::set<Holder> trusted_;
    std::optional<Holder> own_;
};

}  // namespace ballast::daemon
