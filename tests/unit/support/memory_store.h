// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/store.h"
#include "loop/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ballast::support {

/// The store of a cluster, in memory and on a test's clock. It can be away, full, restarted and
/// wiped, and its clock may say anything. Outlives its links.
class MemoryStore {
public:
    explicit MemoryStore(loop::Loop& loop) : loop_(loop), started_at_(loop.now()) {}

    bool is_away = false;  ///< it does not answer
    bool is_full = false;  ///< it can be read, and refuses to be written
    /// Its clock when this was made.
    std::chrono::milliseconds clock{std::chrono::hours(400'000)};
    std::size_t log_max = 1000;
    std::chrono::milliseconds timeout = std::chrono::seconds(2);

    [[nodiscard]] std::chrono::milliseconds now() const;
    /// All that it has, for `go_back_to`: as after a restart from an older copy, or with a replica
    /// that did not know all yet. Its birth stays.
    [[nodiscard]] auto copy() const { return entries_; }
    void go_back_to(const auto& copy) { entries_ = copy; }
    /// It knows nothing any more, not even that it has been written to.
    void wipe();
    [[nodiscard]] const cluster::Entry* find(const std::string& table,
                                             const std::string& key) const;
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    /// Whether this text is in any table, key, value or message.
    [[nodiscard]] bool contains(const std::string& text) const;
    /// As somebody else writes it.
    void put(cluster::News news);
    /// Of those that it still has.
    [[nodiscard]] std::size_t count_messages(const std::string& kind) const;
    /// All messages whose kind begins so, of those that it still has, come again.
    void repeat_messages(const std::string& kind);

    struct Calls {
        std::uint64_t opens = 0;
        std::uint64_t loads = 0;
        std::uint64_t writes = 0;
        std::uint64_t written = 0;
        std::size_t written_at_once_most = 0;
    };
    [[nodiscard]] const Calls& calls() const { return calls_; }

    /// One node's way to the store.
    class Link final : public cluster::Store {
    public:
        Link(MemoryStore& server, loop::Loop& loop) : server_(server), loop_(loop) {}

        bool is_cut = false;
        bool is_follow_cut = false;  ///< nothing else is
        /// How long a request, or an answer, is on its way. Negative: it does not arrive.
        std::function<loop::Time::duration()> travel = [] { return loop::Time::duration(0); };

        [[nodiscard]] loop::Task<base::Result<Opened>> open() override;
        [[nodiscard]] loop::Task<base::Result<std::chrono::milliseconds>> now() override;
        [[nodiscard]] loop::Task<base::Result<>> write(std::vector<cluster::News> news) override;
        [[nodiscard]] loop::Task<base::Result<Followed>> follow(std::string after) override;
        [[nodiscard]] loop::Task<base::Result<Slice>> load(std::string table,
                                                           std::string from) override;
        [[nodiscard]] loop::Task<base::Result<std::string>> claim(
            std::string office, std::string node, std::chrono::milliseconds lifetime) override;

    private:
        /// False: it has not arrived, and the time is up.
        [[nodiscard]] loop::Task<bool> travels(loop::Deadline deadline);
        [[nodiscard]] static base::Error error(std::string_view doing);

        MemoryStore& server_;
        loop::Loop& loop_;
        std::string birth_;
    };

private:
    using Place = std::pair<std::string, std::string>;  // table and key
    struct Kept {
        cluster::Entry entry;
        loop::Time until;
    };
    struct Office {
        std::string holder;
        loop::Time until;
    };
    void accept(cluster::News news);
    void forget_what_is_over();
    [[nodiscard]] const std::string& birth();

    loop::Loop& loop_;
    loop::Time started_at_;
    std::string birth_;
    std::uint64_t births_ = 0;
    std::map<Place, Kept> entries_;
    std::map<std::string, Office> offices_;
    std::deque<std::pair<std::uint64_t, cluster::News>> log_;
    std::uint64_t logged_ = 0;
    std::set<loop::Signal*> followers_;
    Calls calls_;
};

}  // namespace ballast::support
