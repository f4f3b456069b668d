// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"
#include "base/address.h"
#include "config/config.h"
#include "pool/thresholds.h"

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace ballast::pool {

using BackendId = std::uint64_t;  ///< hash of name and address: stable across restarts

/// A backend as others see it: what it is called and where it is. Never changes.
struct Backend {
    BackendId id = 0;
    std::string name;  ///< the configured name; "name/address" where a name has several addresses
    base::Address address;
    std::size_t index = 0;  ///< in the pool's configuration
};

/// Why no backend could be had.
enum class Refusal : std::uint8_t {
    none_resolved,  ///< no name of the pool has an address (yet)
    all_down,
    all_full,
    all_tried,  ///< every usable one was tried for this client and failed
};
[[nodiscard]] std::string_view to_string(Refusal refusal);

class Pool;

/// A session's reserved place on a backend. Given back when destroyed.
class Seat {
public:
    Seat() = default;
    Seat(Seat&& other) noexcept;
    Seat& operator=(Seat&& other) noexcept;
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    [[nodiscard]] explicit operator bool() const { return pool_ != nullptr; }
    [[nodiscard]] const Backend& backend() const { return backend_; }
    /// Tells the pool, for `least-transfers`. Balanced calls.
    void transfer_began();
    void transfer_ended();

private:
    friend class Pool;
    Seat(std::shared_ptr<Pool> pool, Backend backend)
        : pool_(std::move(pool)), backend_(std::move(backend)) {}
    void give_back();

    std::shared_ptr<Pool> pool_;
    Backend backend_;
    bool in_transfer_ = false;
};

/// The backends that serve the same files. Answers "which backend, for this client?"; choosing and
/// reserving the seat is one step under one lock, which is what makes `max_sessions` true across
/// threads. Any thread may call; nothing blocks on anything remote.
class Pool : public std::enable_shared_from_this<Pool> {
public:
    /// `health_changed` is called outside the lock, on the thread that reported.
    using HealthChanged = std::function<void(const Backend&, Health)>;
    explicit Pool(config::Pool config, HealthChanged health_changed = {});

    [[nodiscard]] const config::Pool& config() const { return config_; }

    /// The addresses that the name of `config().backends[index]` has now. Seats on addresses that
    /// are gone stay until their sessions end.
    void set_addresses(std::size_t index, std::span<const base::Ip> addresses);

    [[nodiscard]] std::expected<Seat, Refusal> choose(const balance::Client& client,
                                                      std::span<const BackendId> tried);

    /// A probe's answer, or what a session met when it connected (`observe_failure`). Logged when
    /// the state changes.
    /// True if it rose from down.
    bool probe_passed(BackendId id);
    void probe_failed(BackendId id, const std::string& reason);
    void observe_failure(BackendId id, const std::string& reason);

    struct Status {
        Backend backend;
        Health health = Health::unknown;
        std::uint32_t sessions = 0;
        std::uint32_t transfers = 0;
        bool backup = false;
    };
    [[nodiscard]] std::vector<Status> status() const;

private:
    friend class Seat;
    struct Entry {
        Backend backend;
        Thresholds thresholds;
        std::uint32_t sessions = 0;
        std::uint32_t transfers = 0;
        bool gone = false;  ///< the name no longer has this address
    };
    Entry* find(BackendId id);
    void add_ready(bool backup, std::span<const BackendId> tried, std::vector<Entry*>& ready);
    [[nodiscard]] Refusal why_none(std::span<const BackendId> tried) const;
    bool report(BackendId id, bool passed, const std::string& reason);
    void leave(BackendId id, bool in_transfer);
    void count_transfer(BackendId id, bool began);

    const config::Pool config_;
    const HealthChanged health_changed_;
    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
    std::unique_ptr<balance::Policy> policy_;
};

}  // namespace ballast::pool
