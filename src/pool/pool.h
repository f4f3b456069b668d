// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"
#include "loop/loop.h"
#include "pool/admin_state.h"
#include "pool/asker.h"
#include "pool/backend.h"
#include "pool/choice.h"
#include "pool/chooser.h"
#include "pool/elsewhere.h"
#include "pool/loans.h"
#include "pool/move_pace.h"
#include "pool/move_turn.h"
#include "pool/queue.h"
#include "pool/rebalancer.h"
#include "pool/refusal.h"
#include "pool/roster.h"
#include "pool/seat.h"
#include "pool/thresholds.h"
#include "pool/watches.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::pool {

/// The backends that serve the same files. Answers "which backend, for this client?"; choosing and
/// reserving the seat is one step under one lock, which is what makes `max_sessions` and the order
/// of the queue true across threads. Any thread may call; nothing blocks on anything remote.
class Pool : public std::enable_shared_from_this<Pool> {
public:
    using Clock = std::function<loop::Time()>;
    using Settings = std::shared_ptr<const config::Pool>;
    /// All that is drawn at random comes from `seed`.
    explicit Pool(Settings settings, Clock clock = std::chrono::steady_clock::now,
                  std::uint64_t seed = 0);
    explicit Pool(config::Pool settings, Clock clock = std::chrono::steady_clock::now,
                  std::uint64_t seed = 0);

    /// It never changes; the settings may.
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] Settings settings() const;
    /// Replaces the settings; the name is the same. A backend that keeps its name and address keeps
    /// its sessions, its health and the clients that stick to it. The sessions of a backend that is
    /// gone stay. Those of the watched file stay if there is still a file.
    void configure(Settings settings);

    // Which backends there are

    /// Those of the configuration, then those of the watched file.
    [[nodiscard]] std::vector<BackendSettings> backends() const;
    /// Replaces those of the watched file. One that keeps its name and address keeps its sessions
    /// and its health.
    void set_file_backends(const std::vector<BackendSettings>& backends);
    /// Where the name of one of `backends()` leads now. Seats on addresses that are gone stay until
    /// their sessions end.
    void set_targets(const BackendSettings& backend, std::span<const Target> targets);

    // Choosing

    /// `explained`, if not null, gets what led to the result.
    [[nodiscard]] std::expected<Seat, Refusal> choose(const Client& client,
                                                      std::span<const BackendId> tried,
                                                      Choice* explained = nullptr);
    /// A seat on this backend and no other, if it serves and has room: for `Seat::move_target`.
    [[nodiscard]] std::optional<Seat> seat_on(BackendId backend, const Client& client);
    /// Whether another backend could take a session of this one now.
    [[nodiscard]] bool has_other(BackendId backend);
    /// The backend that a client of this address would get now, if its user's name does not matter:
    /// the one that its network sticks to, or that `source-hash` chooses. Empty: it may be any.
    [[nodiscard]] std::optional<BackendId> foresee(const base::Ip& address);
    /// After `all_full`: the seat if there is one by now, else a place in the queue, first come
    /// first served. `signal` is raised, on its own thread, when the seat is there.
    [[nodiscard]] std::expected<Place, Refusal> join_queue(const Client& client,
                                                           std::vector<BackendId> tried,
                                                           loop::Signal& signal);
    /// A session that moves to another backend asks for its turn before it logs in there.
    [[nodiscard]] MoveTurn move_turn() { return MoveTurn(pace_); }
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

    // Administration

    /// Sets the state of the backend with this configured name, at all its addresses. The name
    /// keeps it until the next call, whatever becomes of its addresses. False: there is no such
    /// backend.
    bool administer(std::string_view backend_name, AdminState state);
    /// Sets what holds for this backend instead of its settings, until the next call. Empty members
    /// are as configured. False: there is no such backend.
    bool tune(std::string_view backend_name, const Tuning& tuning);
    [[nodiscard]] Tuning tuning(std::string_view backend_name) const;
    /// A client or a user that sticks to a backend.
    struct Remembered {
        std::uint64_t number = 0;  ///< its place among all
        std::string network;       ///< empty: a user
        std::string user;
        std::string backend;  ///< its configured name
        std::uint32_t sessions = 0;
        loop::Time last_used;
    };
    struct RememberedSlice {
        std::vector<Remembered> entries;
        std::uint64_t next = 0;  ///< behind which to go on; 0: this was the last slice
    };
    /// Looks at the next `max` entries behind the number `after`. Holds the lock for no longer.
    [[nodiscard]] RememberedSlice remembered(std::uint64_t after, std::size_t max) const;
    [[nodiscard]] std::optional<Remembered> remembered(const Client& client) const;
    /// Forgets which backend this client had. False: it was not known.
    bool forget_client(const Client& client);
    std::size_t forget_all_clients();
    [[nodiscard]] std::size_t clients_remembered() const;
    /// The same for all backends, those to come included. The harder state is in force: this one or
    /// the backend's own, which stays.
    void administer_all(AdminState state);

    // The other balancers of a cluster

    /// A client or a user that sticks to a backend, as balancers tell each other.
    struct Stuck {
        std::uint64_t key = 0;  ///< of the client in this pool: the same at all balancers
        std::string who;        ///< a network, or a user's name
        bool is_user = false;
        std::string backend;  ///< its configured name
        base::Address address;
        std::chrono::milliseconds age{};  ///< since its last use, or since it was forgotten
        bool is_gone = false;             ///< it was forgotten: there is no backend
    };
    /// Whether to keep what `take_stuck` gives. When it begins, and with each further call, that
    /// is all that the pool knows.
    void share(bool wanted);
    /// At most `max` of the clients that are news for the others, see `StickTable::take_news`.
    /// Fewer: these are all.
    [[nodiscard]] std::vector<Stuck> take_stuck(std::size_t max);
    /// What others know. Holds the lock for all of it.
    void learn(std::span<const Stuck> known);
    /// What they have now, instead of what they had. It counts for `max_sessions` and for policies.
    /// Moving sessions to backends with fewer looks at this balancer's alone.
    void set_elsewhere(std::span<const Elsewhere> loads);

    struct Status {
        Backend backend;
        Health health = Health::unknown;
        bool is_in_transition = false;  ///< between up and down
        bool is_ejected = false;
        bool is_serving = false;               ///< neither down, nor ejected, nor withdrawn
        AdminState admin = AdminState::ready;  ///< the backend's own, see `administer`
        /// Withdrawn, and no session is left at any of its addresses, here or elsewhere.
        bool is_drained = false;
        std::uint32_t sessions = 0;
        std::uint32_t transfers = 0;
        bool backup = false;
        std::uint32_t weight = 0;
        std::uint32_t max_sessions = 0;  ///< 0: no limit
        std::optional<loop::Time> health_since = {};
        std::string reason = {};  ///< why it is down or ejected; empty: neither
        std::uint64_t bytes_per_second = 0;
        std::chrono::microseconds login_time{};  ///< on average; 0: unknown
        std::uint32_t sessions_elsewhere = 0;    ///< at other balancers of the cluster
        std::uint32_t transfers_elsewhere = 0;
        Target target;
        std::shared_ptr<const Traffic> traffic;
    };
    /// In the order of `backends()`.
    [[nodiscard]] std::vector<Status> status() const;
    /// A configured name, with the sessions at all its addresses, former ones too.
    struct Named {
        std::string name;
        AdminState admin = AdminState::ready;
        std::uint32_t sessions = 0;
    };
    [[nodiscard]] std::vector<Named> names() const;
    [[nodiscard]] std::size_t waiting() const;
    /// Where what happens to a backend is counted. Null: there is no such backend any more.
    [[nodiscard]] std::shared_ptr<metrics::BackendFigures> figures(BackendId id);

private:
    class Locked;

    bool probed(BackendId id, bool passed, const std::string& reason);
    [[nodiscard]] std::optional<Remembered> named(StickTable::Remembered entry) const;
    [[nodiscard]] std::optional<Stuck> told(StickTable::News news, loop::Time now) const;

    // What seats and places ask for
    friend class Seat;
    friend class Place;
    [[nodiscard]] Loans::Number lend(BackendId backend, std::shared_ptr<loop::Recall> recall,
                                     const base::Ip& holder);
    [[nodiscard]] bool end_loan(Loans::Number loan);
    [[nodiscard]] Watches::Number watch(const Seat& seat, std::shared_ptr<loop::Recall> recall);
    void count_login(const Seat& seat, std::chrono::microseconds taken);
    void leave(const Seat& seat);
    [[nodiscard]] std::optional<Seat> take_seat(Waiter& waiter);
    [[nodiscard]] std::optional<Refusal> refusal_of(const Waiter& waiter) const;
    [[nodiscard]] std::optional<Seat> leave_queue(Waiter& waiter);

    const std::string name_;
    const Clock clock_;
    mutable std::mutex mutex_;
    Settings settings_;
    Roster roster_;
    Chooser chooser_;
    Queue queue_;
    Loans loans_;
    Watches watches_;
    Rebalancer rebalancer_;
    const std::shared_ptr<MovePace> pace_;  // has a lock of its own
};

}  // namespace ballast::pool
