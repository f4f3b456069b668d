// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/latest_topic.h"
#include "net/ticket_keys.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ballast::cluster {

/// The keys of session tickets, by listener: a client may resume its TLS session at any node. One
/// node replaces them, or any that has the listener if that one does not; all use them. A new key
/// encrypts when all have had the time to hear of it. While the store is away each node goes on
/// with what it has, and after two lifetimes with keys of its own.
class Tickets final : public LatestTopic {
public:
    struct Listener {
        std::string name;
        std::shared_ptr<net::TicketKeys> keys;  ///< not from a file
    };
    explicit Tickets(Exchange& exchange) : LatestTopic(exchange, "tickets"), exchange_(exchange) {}

    void set_listeners(std::vector<Listener> listeners);

    void learn(const Entry& entry) override;
    void beat() override;

private:
    struct Served {
        std::shared_ptr<net::TicketKeys> keys;
        std::chrono::milliseconds lifetime{};
        std::string key;  ///< in the table
        Stamp used;       ///< of what it uses
        loop::Time use_again_at;
        loop::Time served_since;
    };
    [[nodiscard]] std::chrono::milliseconds age_of(
        const Served& served, std::map<std::string, Latest::Item>::const_iterator item) const;
    void replace(const Served& served);
    void use(Served& served, const Latest::Item& item);

    Exchange& exchange_;
    std::map<std::string, Served> listeners_;
};

}  // namespace ballast::cluster
