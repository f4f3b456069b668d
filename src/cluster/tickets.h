// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/latest.h"
#include "cluster/topic.h"
#include "net/ticket_keys.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// The keys of session tickets, by listener: a client may resume its TLS session at any node. One
/// node replaces them, or any that has the listener if that one does not; all use them. While the
/// store is away each node goes on with what it has, and after two lifetimes with keys of its own.
class Tickets final : public Topic {
public:
    struct Listener {
        std::string name;
        std::shared_ptr<net::TicketKeys> keys;  ///< not from a file
    };
    explicit Tickets(Exchange& exchange)
        : exchange_(exchange), latest_(exchange, std::string(table)) {}

    void set_listeners(std::vector<Listener> listeners);

    [[nodiscard]] std::string_view name() const override { return table; }
    [[nodiscard]] bool has_table() const override { return true; }
    void learn(const Entry& entry) override;
    void beat() override;
    [[nodiscard]] std::vector<News> take(std::size_t max) override { return latest_.take(max); }
    void loading() override { latest_.loading(); }
    void loaded() override { latest_.loaded(); }
    void repeat() override { latest_.repeat(); }
    void shift(std::chrono::milliseconds by) override { latest_.shift(by); }

private:
    static constexpr std::string_view table = "tickets";

    struct Served {
        std::shared_ptr<net::TicketKeys> keys;
        std::chrono::milliseconds lifetime{};
        std::string key;  ///< in the table
        Stamp used;       ///< of what it uses
        loop::Time used_at;
        loop::Time served_since;
    };
    [[nodiscard]] std::chrono::milliseconds age_of(
        const Served& served, std::map<std::string, Latest::Item>::const_iterator item) const;
    void replace(const Served& served);
    void use(Served& served, const Latest::Item& item);

    Exchange& exchange_;
    Latest latest_;
    std::map<std::string, Served> listeners_;
};

}  // namespace ballast::cluster
