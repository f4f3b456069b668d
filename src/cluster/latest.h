// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/store.h"
#include "loop/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// A node's copy of a table in which few entries are there and each of them matters: of each key
/// the latest value, and whether the store may not have it yet.
class Latest {
public:
    Latest(const Exchange& exchange, std::string table)
        : exchange_(exchange), table_(std::move(table)) {}

    /// A decision made here, which replaces what was known.
    void set(const std::string& key, std::string value, std::chrono::milliseconds lifetime);
    /// Whether the entry is later than what was known. It is kept for `lifetime` from now on.
    [[nodiscard]] bool learn(const Entry& entry, std::chrono::milliseconds lifetime);

    [[nodiscard]] std::vector<News> take(std::size_t max);
    /// All of it is to be told again.
    void repeat();
    void shift(std::chrono::milliseconds by);
    /// The table is read from now on, and then all of it has been. What the store has lost
    /// meanwhile, without being another one, is told again: its replica may have been promoted
    /// before it knew all, or it was started with an older copy.
    void loading() { ++round_; }
    void loaded();
    /// Forgets what is over.
    void tidy();

    struct Item {
        Stamp stamp;
        std::string value;
        loop::Time until;
        loop::Time known_since;
        std::uint64_t seen = 0;  ///< the round in which the store had it
    };
    [[nodiscard]] const std::map<std::string, Item>& items() const { return items_; }

private:
    const Exchange& exchange_;
    const std::string table_;
    std::map<std::string, Item> items_;  // by key
    std::set<std::string> due_;          // keys of those to be told
    std::uint64_t round_ = 1;
};

}  // namespace ballast::cluster
