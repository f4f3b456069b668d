// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/store.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// One subject that nodes talk about: a table of the store, a kind of message, or both under one
/// name. What it gets and gives is not sealed: the exchange does that. Belongs to the control
/// thread.
class Topic {
public:
    Topic() = default;
    virtual ~Topic() = default;
    Topic(const Topic&) = delete;
    Topic& operator=(const Topic&) = delete;

    /// Of its table and of its messages.
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual bool has_table() const = 0;

    /// An entry of the table, which this node may know already, or has written itself.
    virtual void learn(const Entry& /*entry*/) {}
    /// A message of another node.
    virtual void hear(const Message& /*message*/) {}

    /// What has come together was learned and heard.
    virtual void heard_all() {}

    /// The store can be reached again. `take` follows when the table has been read.
    virtual void opened() {}
    /// The table is read from now on, and then all of it has been. It is read after each opening,
    /// and when news were missed.
    virtual void loading() {}
    virtual void loaded() {}
    /// Once per heartbeat while the store can be reached, also while tables are being read.
    virtual void beat() {}
    /// What this node has to tell now, at most `max`. It is told for certain, later if the store
    /// fails.
    [[nodiscard]] virtual std::vector<News> take(std::size_t max) = 0;
    /// The store has lost what it knew: tell it again.
    virtual void repeat() {}
    /// The same process goes on as another node.
    virtual void renamed(const std::string& /*former*/) {}
    /// The stamps given so far were too low by this much: the store's clock is known now.
    virtual void shift(std::chrono::milliseconds /*by*/) {}
};

}  // namespace ballast::cluster
