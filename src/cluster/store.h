// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "cluster/stamp.h"
#include "loop/task.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ballast::cluster {

/// One thing that the nodes share. Of two with the same table and key the later stamp wins, at the
/// store and at each node.
struct Entry {
    std::string table;  ///< a plain word: "states"
    std::string key;    ///< printable, without spaces: a keyed hash where it would tell something
    Stamp stamp;
    std::string value;                     ///< any bytes, sealed; empty: it was removed
    std::chrono::milliseconds lifetime{};  ///< how long the store keeps it after this change
};

/// Something that a node tells all others. The store keeps only the latest of them.
struct Message {
    std::string node;  ///< who says it
    /// A plain word: "failures". For one node alone, its name follows: "courier/node1".
    std::string kind;
    std::string body;  ///< any bytes, sealed
};

/// What has happened, in the order in which the store has it.
using News = std::variant<Entry, Message>;

/// What nodes share, outside of this process. All calls take at most the store's time-out; an error
/// says what was asked of whom. Two coroutines may use it at once: one of them follows. A call may
/// be cancelled; then `open` comes next, as after an error. Once the store has another birth than
/// `open` said, the calls that write and follow fail. Belongs to the control thread. The daemon's
/// is a Redis-compatible server, a simulation's is in memory.
class Store {
public:
    Store() = default;
    virtual ~Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// Of an entry's value and a message's body.
    static constexpr std::size_t value_bytes_max = 1UL << 20;

    struct Opened {
        std::chrono::milliseconds now{};  ///< by its clock, since 1970
        std::string latest;               ///< where its news end, for `follow`
        /// Another one than before: what it knew is lost, all or the last of it, and every node
        /// says again what it knows.
        std::string birth;
    };
    /// Connects, and makes sure that it may be written to. Call it again after any error.
    [[nodiscard]] virtual loop::Task<base::Result<Opened>> open() = 0;
    /// Its clock.
    [[nodiscard]] virtual loop::Task<base::Result<std::chrono::milliseconds>> now() = 0;

    /// Writes all of it, in this order; after an error, perhaps a part. An entry that is older than
    /// the store's is left out, and is no error.
    [[nodiscard]] virtual loop::Task<base::Result<>> write(std::vector<News> news) = 0;

    struct Followed {
        std::vector<News> news;
        std::string latest;    ///< for the next call
        bool has_gap = false;  ///< the store no longer has all since `after`: load everything again
    };
    /// The news since `after`. Waits for some, but not longer than the time-out: then there are
    /// none. A node also gets what it has written itself.
    [[nodiscard]] virtual loop::Task<base::Result<Followed>> follow(std::string after) = 0;

    struct Slice {
        std::vector<Entry> entries;
        std::string next;  ///< for the next call; empty: this was the last slice
    };
    /// A part of a table, at most some hundred entries. Begin with an empty `from`. An entry that
    /// changes meanwhile may come twice.
    [[nodiscard]] virtual loop::Task<base::Result<Slice>> load(std::string table,
                                                               std::string from) = 0;

    /// Who holds the office called `office`. If nobody does, or `node` itself, it is `node` for
    /// `lifetime` from now on.
    [[nodiscard]] virtual loop::Task<base::Result<std::string>> claim(
        std::string office, std::string node, std::chrono::milliseconds lifetime) = 0;
};

}  // namespace ballast::cluster
