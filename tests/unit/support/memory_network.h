// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/network.h"
#include "net/passive_ports.h"
#include "support/memory_stream.h"
#include "support/test_loop.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <vector>

namespace ballast::support {

/// The network of a test: listeners by address, passive ports lent by the real table, and
/// connections in memory. A dial to an address without a listener is refused.
class MemoryNetwork final : public net::Network {
public:
    explicit MemoryNetwork(TestLoop& loop) : loop_(loop), ports_(20'250'101) {}

    [[nodiscard]] TestLoop& loop() override { return loop_; }
    using net::Network::dial;
    [[nodiscard]] loop::Task<base::Result<std::unique_ptr<net::Stream>>> dial(
        net::Dial dial, loop::Deadline deadline, loop::Signal& signal,
        net::Interrupt interrupt) override;
    [[nodiscard]] bool is_own(const base::Address& from,
                              const base::Address& /*to*/) const override {
        return own_.contains(from);
    }
    /// A client from there counts as this balancer itself.
    void set_own(const base::Address& from) { own_.insert(from); }
    [[nodiscard]] loop::Task<base::Result<std::unique_ptr<net::Lease>>> lend(
        net::LendRequest request) override;
    [[nodiscard]] std::unique_ptr<net::Admission> admit(const net::AdmitRequest& request) override;

    using Accept = std::function<void(std::unique_ptr<net::Stream>)>;
    void listen(const base::Address& at, Accept accept) { listeners_[at] = std::move(accept); }
    void close(const base::Address& at) { listeners_.erase(at); }
    [[nodiscard]] bool is_listening(const base::Address& at) const {
        return listeners_.contains(at);
    }
    /// Dials there get no answer at all: they time out.
    void black_hole(const base::Address& at) { black_holes_.insert(at); }
    /// Dials there take this long.
    void delay(const base::Address& at, TestLoop::Duration time) { delays_[at] = time; }

    /// Dials there fail like a shortage of our own.
    void run_short(const base::Address& at, std::errc of) { shortages_[at] = of; }
    /// Dials there throw as if out of memory.
    void run_out_of_memory(const base::Address& at) { out_of_memory_.insert(at); }
    void recover() {
        shortages_.clear();
        out_of_memory_.clear();
    }

    /// A client's connection to a listener or a passive port. Null if refused. If a passive port is
    /// open but nobody waits for this client, the connection is reset.
    [[nodiscard]] std::unique_ptr<MemoryStream> connect(const base::Address& from,
                                                        const base::Address& to);

    /// How connections made from now on behave.
    Shape shape;
    /// Every dial so far.
    [[nodiscard]] const std::vector<net::Dial>& dials() const { return dials_; }
    /// Number of leases held.
    [[nodiscard]] std::size_t leases() const { return leases_.size(); }
    /// Number of passive ports that wait for a client, says the table.
    [[nodiscard]] std::size_t ports_pending() const { return ports_.pending(); }

private:
    class MemoryLease;
    class MemoryAdmission;

    TestLoop& loop_;
    net::PassivePorts ports_;
    std::map<base::Address, Accept> listeners_;
    std::set<base::Address> black_holes_;
    std::map<base::Address, TestLoop::Duration> delays_;
    std::map<base::Address, std::errc> shortages_;
    std::set<base::Address> out_of_memory_;
    std::map<net::PassivePorts::LeaseId, MemoryLease*> leases_;
    std::map<net::PassivePorts::LeaseId, MemoryAdmission*> admissions_;
    std::set<base::Address> open_ports_;
    std::set<base::Address> own_;
    std::vector<net::Dial> dials_;
    std::uint16_t next_port_ = 30'000;
};

}  // namespace ballast::support
