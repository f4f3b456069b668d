// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/owned_fd.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ballast::nat {

/// Two networks of the test's own, joined by a cable: the balancer's, which the test's thread
/// enters, and one of a client and a server. The kernel removes them with the process.
class OwnNetworks {
public:
    OwnNetworks();
    OwnNetworks(const OwnNetworks&) = delete;
    OwnNetworks& operator=(const OwnNetworks&) = delete;

    struct Ends {
        base::Ip client;
        base::Ip stranger;
        base::Ip to_client;  ///< the balancer's address there
        base::Ip to_server;
        base::Ip server;
    };
    [[nodiscard]] static const Ends& ends(base::Family family);

    /// A socket that listens in the network of client and server.
    [[nodiscard]] base::OwnedFd listen_out_there(const base::Address& at) const;
    /// Connects from there. Empty: refused, reset or too late.
    [[nodiscard]] base::OwnedFd connect(const base::Ip& from, const base::Address& to) const;

private:
    void out_there(const std::function<void()>& work) const;

    base::OwnedFd field_;
};

/// Listens in the present network.
[[nodiscard]] base::OwnedFd listen_at(const base::Address& at);
/// Waits for a connection. Returns its socket and where it comes from.
struct Accepted {
    base::OwnedFd socket;
    base::Address from;
};
[[nodiscard]] std::optional<Accepted> accept(const base::OwnedFd& listening);
[[nodiscard]] base::Address local_address(const base::OwnedFd& socket);
void send_all(const base::OwnedFd& socket, std::size_t bytes);
/// Bytes up to the end.
[[nodiscard]] std::size_t read_all(const base::OwnedFd& socket);

/// The names of the tables of nftables in the present network.
[[nodiscard]] std::vector<std::string> tables();
/// Runs a program. False if it failed.
[[nodiscard]] bool run(const std::string& line);

}  // namespace ballast::nat
