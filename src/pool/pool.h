// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"
#include "base/address.h"
#include "config/config.h"
#include "loop/loop.h"
#include "pool/backend.h"
#include "pool/load_average.h"
#include "pool/outlier.h"
#include "pool/queue.h"
#include "pool/seat.h"
#include "pool/stick_table.h"
#include "pool/thresholds.h"

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::pool {

/// Why no backend could be had.
enum class Refusal : std::uint8_t {
    none_resolved,  ///< no name of the pool has an address (yet)
    all_down,
    all_full,
    all_tried,   ///< every usable one was tried for this client and failed
    stuck_down,  ///< the one that the client sticks to cannot serve, and no other may
    queue_full,
    waited_in_vain,  ///< in the queue, until its time-out
};
[[nodiscard]] std::string_view to_string(Refusal refusal);

/// Who asks for a backend.
struct Client {
    base::Ip address;
    std::string_view user;
};

/// The backends that serve the same files. Answers "which backend, for this client?"; choosing and
/// reserving the seat is one step under one lock, which is what makes `max_sessions` and the order
/// of the queue true across threads. Any thread may call; nothing blocks on anything remote.
class Pool : public std::enable_shared_from_this<Pool> {
public:
    using Clock = std::function<loop::Time()>;
    /// All that is drawn at random comes from `seed`.
    explicit Pool(config::Pool config, Clock clock = std::chrono::steady_clock::now,
                  std::uint64_t seed = 0);

    [[nodiscard]] const config::Pool& config() const { return config_; }

    // Which backends there are

    /// Those of the configuration, then those of the watched file.
    [[nodiscard]] std::vector<BackendSettings> backends() const;
    /// Replaces those of the watched file. One that keeps its name and address keeps its sessions
    /// and its health.
    void set_file_backends(std::vector<BackendSettings> backends);
    /// Where the name of one of `backends()` leads now. Seats on addresses that are gone stay until
    /// their sessions end.
    void set_targets(const BackendSettings& backend, std::span<const Target> targets);

    // Choosing

    [[nodiscard]] std::expected<Seat, Refusal> choose(const Client& client,
                                                      std::span<const BackendId> tried);
    /// The backend that a client of this address would get now, if its user's name does not matter:
    /// the one that its network sticks to, or that `source-hash` chooses. Empty: it may be any.
    [[nodiscard]] std::optional<BackendId> foresee(const base::Ip& address);
    /// After `all_full`: the seat if there is one by now, else a place in the queue, first come
    /// first served. `signal` is raised, on its own thread, when the seat is there.
    [[nodiscard]] std::expected<Place, Refusal> join_queue(const Client& client,
                                                           std::vector<BackendId> tried,
                                                           loop::Signal& signal);
    /// For what time alone changes (a slow start, the end of an ejection, a seat that has been on
    /// loan for a while): gives the queue what can be had by now. Called a few times a second.
    void tick();

    // Health

    /// A probe's answer. Logged when the state changes. True if it rose from down.
    bool probe_passed(BackendId id);
    void probe_failed(BackendId id, const std::string& reason);
    /// What live sessions met, from the connect until the log-in was answered: the outlier rule.
    void observe_success(BackendId id);
    void observe_failure(BackendId id, const std::string& reason);

    struct Status {
        Backend backend;
        Health health = Health::unknown;
        bool is_in_transition = false;  ///< between up and down
        bool is_ejected = false;
        std::uint32_t sessions = 0;
        std::uint32_t transfers = 0;
        bool backup = false;
    };
    /// In the order of `backends()`.
    [[nodiscard]] std::vector<Status> status() const;
    [[nodiscard]] std::size_t waiting() const;

private:
    friend class Seat;
    friend class Place;
    struct Entry {
        Backend backend;
        std::size_t order;  // among `backends_`
        Target target;
        Thresholds thresholds;
        Outlier outlier;
        std::uint32_t sessions = 0;
        bool gone = false;      // the name no longer has this address
        loop::Time risen_at{};  // from down
        std::shared_ptr<Traffic> traffic = std::make_shared<Traffic>();
        ByteRate byte_rate;
        LoginTime login_time;
    };
    [[nodiscard]] const Entry* find(BackendId id) const;
    [[nodiscard]] Entry* find(BackendId id);
    void forget_empty();
    void sort_entries();

    [[nodiscard]] Asker asker(const Client& client, std::span<const BackendId> tried) const;
    [[nodiscard]] std::expected<Seat, Refusal> try_choose(const Asker& asker, loop::Time now);
    struct Bound {
        Entry* entry;  ///< not gone
        bool has_logged_in;
    };
    [[nodiscard]] std::optional<Bound> bound_of(const Asker& asker, loop::Time now);
    [[nodiscard]] std::expected<Entry*, Refusal> stuck(const Asker& asker, loop::Time now);
    [[nodiscard]] Entry* pick(const Asker& asker, loop::Time now, bool spares_ejected);
    [[nodiscard]] bool is_usable(const Entry& entry, const Asker& asker) const;
    [[nodiscard]] bool has_room(const Entry& entry, loop::Time now) const;
    [[nodiscard]] double share_risen(const Entry& entry, loop::Time now) const;
    [[nodiscard]] balance::Candidate candidate(Entry& entry, loop::Time now) const;
    [[nodiscard]] bool is_worth_waiting(const Asker& asker, loop::Time now) const;
    [[nodiscard]] Refusal why_none(const Asker& asker) const;
    [[nodiscard]] Seat seat_at(Entry& entry, const Asker& asker, loop::Time now);
    [[nodiscard]] bool may_eject(const Entry& entry, loop::Time now) const;
    [[nodiscard]] Queue::Served serve_queue(loop::Time now);

    bool report(BackendId id, bool passed, const std::string& reason);
    struct Loan {
        BackendId backend;
        std::shared_ptr<loop::Recall> recall;
        base::Ip holder;
        loop::Time since;
        bool is_recalled = false;
    };
    [[nodiscard]] std::uint64_t lend(BackendId backend, std::shared_ptr<loop::Recall> recall,
                                     const base::Ip& holder);
    [[nodiscard]] bool end_loan(std::uint64_t loan);
    using Loans = std::map<std::uint64_t, Loan>;  // by their numbers: the oldest first
    void forget(Loans::iterator loan);
    using Recalls = std::vector<std::shared_ptr<loop::Recall>>;
    [[nodiscard]] bool recall_for(const Asker& asker, loop::Time lent_until, Recalls& recalls);
    [[nodiscard]] Recalls recall_for_queue(loop::Time now);
    static void call(const Recalls& recalls);

    void leave(const Seat& seat);
    void count_login(const Seat& seat, std::chrono::microseconds taken);
    [[nodiscard]] std::optional<Seat> leave_queue(Waiter& waiter);
    [[nodiscard]] std::optional<Seat> take_seat(Waiter& waiter);

    const config::Pool config_;
    const Clock clock_;
    mutable std::mutex mutex_;
    std::vector<BackendSettings> backends_;  // of the configuration, then of the file
    std::size_t configured_count_ = 0;
    std::vector<Entry> entries_;  // in the order of `backends_`
    std::unique_ptr<balance::Policy> policy_;
    StickTable stick_table_;
    Queue queue_;
    Loans loans_;
    std::map<base::Ip, std::size_t> loans_of_holders_;
    std::uint64_t loans_ever_ = 0;
    std::size_t recalled_ = 0;  // seats that are on their way back
};

}  // namespace ballast::pool
