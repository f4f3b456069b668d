// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/bandwidth.h"
#include "loop/job.h"
#include "loop/recall.h"
#include "loop/worker_loop.h"
#include "net/stream.h"
#include "relay/pump.h"
#include "relay/trail.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <span>
#include <vector>

namespace ballast::relay {

struct Errand;

/// A transfer that moves this many bytes within this time is long: it may need a processor of its
/// own. It is not long any more when it has moved fewer in each of some such times in a row.
inline constexpr auto long_interval = std::chrono::milliseconds(20);
inline constexpr std::uint64_t long_bytes = 2 << 20;
inline constexpr int short_intervals = 10;

/// One worker, as the carrier of long transfers. A transfer belongs to its session's worker. That
/// worker lends the bytes to another one that carries at least two long transfers less, so that two
/// never share a worker while another carries none. Belongs to its worker's thread.
class Porter {
public:
    explicit Porter(loop::WorkerLoop& loop) : loop_(loop) {}
    Porter(const Porter&) = delete;
    Porter& operator=(const Porter&) = delete;

    /// All workers' porters, this one among them. They live until every worker's thread has ended.
    /// Call before any thread runs.
    void meet(std::span<Porter* const> all) { all_.assign(all.begin(), all.end()); }
    /// On its thread, when its loop has ended: gives back what it carries for others, and carries
    /// nothing more.
    void clear();
    /// From any thread: how many it carries, its own and others'.
    [[nodiscard]] std::uint32_t long_transfers() const { return long_transfers_; }

private:
    friend class Lending;
    /// From any thread.
    void take(std::shared_ptr<Errand> errand);
    [[nodiscard]] loop::Task<> carry(std::shared_ptr<Errand> errand);
    [[nodiscard]] Porter& idlest();

    loop::WorkerLoop& loop_;
    std::vector<Porter*> all_;
    std::list<loop::Job> carrying_;  // for others
    std::atomic<std::uint32_t> long_transfers_ = 0;
    std::atomic<bool> is_closed_ = false;
};

/// Lends a pump's work to another worker while the transfer is long and that worker has less to do.
/// Belongs to the pump's own thread, like everything of the transfer: only the bytes are moved
/// elsewhere, between copies of the two descriptors. The pump's own thread can take them back at
/// any moment, exactly where they are.
class Lending {
public:
    /// `home` is the porter of the pump's worker; null: nothing is ever lent. `trail` is the
    /// pump's. While the bytes are lent it stays as it was. `signal` is raised when the other
    /// worker has come to an end.
    Lending(Porter* home, Pump& pump, net::Stream& source, net::Stream& sink, Trail* trail,
            loop::Signal& signal);
    ~Lending();
    Lending(const Lending&) = delete;
    Lending& operator=(const Lending&) = delete;

    /// Call it each time before the pump would run. True: another worker runs it, and the pump
    /// shows that one's figures. Rethrows what has failed there.
    [[nodiscard]] bool is_out(const guard::Throttle& throttle);
    /// When to look again although nothing happens here.
    [[nodiscard]] loop::Deadline look_at() const { return errand_ ? look_at_ : loop::never; }

private:
    void judge(const guard::Throttle& throttle);
    [[nodiscard]] bool is_long(loop::Time now);
    [[nodiscard]] bool may_lend() const;
    void move_to(Porter& other);
    void take_back();
    void count_at(Porter* porter);

    Porter* home_;
    Pump& pump_;
    net::Stream& source_;
    net::Stream& sink_;
    Trail* trail_;
    loop::Signal& signal_;
    loop::Recallable end_;  // raises the signal from the other worker's thread
    loop::Time look_at_;
    loop::Time looked_at_;
    std::uint64_t delivered_then_ = 0;
    int short_so_far_ = 0;            // intervals in a row
    Porter* counted_at_ = nullptr;    // where the transfer counts as long; null: it is not long
    std::shared_ptr<Errand> errand_;  // null: it is carried here
    std::exception_ptr problem_;      // of the other worker
};

}  // namespace ballast::relay
