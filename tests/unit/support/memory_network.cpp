// SPDX-License-Identifier: Apache-2.0
#include "support/memory_network.h"

#include "base/shortage.h"
#include "net/port_lease.h"

#include <deque>
#include <new>

namespace ballast::support {

class MemoryNetwork::MemoryLease final : public net::PortLease {
public:
    MemoryLease(MemoryNetwork& network, net::PassivePorts::Key key, const base::Ip& client,
                const net::PassivePorts::Lent& lent)
        : PortLease(network.loop_, network.ports_, key, client, lent), network_(network) {
        network_.leases_[id()] = this;
    }
    ~MemoryLease() override {
        network_.leases_.erase(id());
        if (stream_) stream_->reset();
    }
    MemoryLease(const MemoryLease&) = delete;
    MemoryLease& operator=(const MemoryLease&) = delete;

    [[nodiscard]] bool has_arrived() const override { return stream_ != nullptr; }
    [[nodiscard]] std::unique_ptr<net::Stream> take() override { return std::move(stream_); }

    void arrive(std::unique_ptr<net::Stream> stream) {
        stream_ = std::move(stream);
        note_arrival();
    }

private:
    MemoryNetwork& network_;
    std::unique_ptr<net::Stream> stream_;
};

class MemoryNetwork::MemoryAdmission final : public net::Admission {
public:
    MemoryAdmission(MemoryNetwork& network, const net::Admissions::Range& range, base::Ip client,
                    const net::PassivePorts::Admitted& admitted)
        : network_(network),
          range_(range),
          client_(client),
          id_(admitted.id),
          traffic_(admitted.traffic),
          share_(admitted.share) {
        network_.admissions_[id_] = this;
    }
    ~MemoryAdmission() override {
        network_.admissions_.erase(id_);
        network_.ports_.dismiss(range_, client_, id_);
        for (const auto& each : arrived_) each->reset();
    }
    MemoryAdmission(const MemoryAdmission&) = delete;
    MemoryAdmission& operator=(const MemoryAdmission&) = delete;

    void attach(loop::Signal* signal) override { signal_ = signal; }
    [[nodiscard]] std::unique_ptr<net::Stream> take() override {
        if (arrived_.empty()) return nullptr;
        auto next = std::move(arrived_.front());
        arrived_.pop_front();
        return next;
    }
    [[nodiscard]] const std::shared_ptr<net::DataTraffic>& traffic() const override {
        return traffic_;
    }
    [[nodiscard]] net::DataShare& share() override { return *share_; }

    void arrive(std::unique_ptr<net::Stream> stream) {
        arrived_.push_back(std::move(stream));
        if (signal_ != nullptr) signal_->raise();
    }

private:
    MemoryNetwork& network_;
    net::Admissions::Range range_;
    base::Ip client_;
    net::PassivePorts::LeaseId id_;
    std::shared_ptr<net::DataTraffic> traffic_;
    std::shared_ptr<net::DataShare> share_;
    std::deque<std::unique_ptr<net::Stream>> arrived_;
    loop::Signal* signal_ = nullptr;
};

std::unique_ptr<net::Admission> MemoryNetwork::admit(const net::AdmitRequest& request) {
    const auto& [range, client, binding] = request;
    const auto admitted = ports_.admit(range, client, 0, loop_.now());
    for (const auto port : admitted.needs_listening) open_ports_.insert({range.local, port});
    return std::make_unique<MemoryAdmission>(*this, range, client, admitted);
}

loop::Task<base::Result<std::unique_ptr<net::Stream>>> MemoryNetwork::dial(
    net::Dial dial, loop::Deadline deadline, loop::Signal& signal, net::Interrupt interrupt) {
    dials_.push_back(dial);
    const auto failed = [&](std::errc code) {
        const auto error = std::make_error_code(code);
        return std::unexpected(base::Error{base::fault_of(error, dial.fault), error,
                                           "connecting to " + base::to_string(dial.to)});
    };
    if (out_of_memory_.contains(dial.to)) throw std::bad_alloc();
    if (const auto found = shortages_.find(dial.to); found != shortages_.end())
        co_return failed(found->second);
    auto connected_at = loop_.now();
    if (const auto delay = delays_.find(dial.to); delay != delays_.end())
        connected_at += delay->second;
    if (black_holes_.contains(dial.to)) connected_at = loop::never;
    const auto until = loop::sooner(connected_at, deadline);
    do {
        if (interrupt && interrupt()) co_return failed(std::errc::operation_canceled);
        (void)co_await signal.wait(until);
    } while (loop_.now() < until);
    if (connected_at > deadline) co_return failed(std::errc::timed_out);

    const auto listener = listeners_.find(dial.to);
    if (listener == listeners_.end()) co_return failed(std::errc::connection_refused);
    const auto from_ip = dial.from.value_or(dial.to.ip);
    const auto from_port = dial.source_port != 0 ? dial.source_port : next_port_++;
    auto [ours, theirs] = MemoryStream::connect(loop_, {from_ip, from_port}, dial.to, shape);
    if (dial.purpose == net::Dial::Purpose::data) ours->reset_unless_finished();
    const Accept accept = listener->second;  // may close its listener
    accept(std::move(theirs));
    co_return std::move(ours);
}

loop::Task<base::Result<std::unique_ptr<net::Lease>>> MemoryNetwork::lend(
    net::LendRequest request) {
    const auto lent =
        ports_.lend(request.range, request.local, request.peers, 0, loop_.now(), request.holder);
    if (!lent)
        co_return std::unexpected(base::Error{base::Fault::internal,
                                              std::make_error_code(std::errc::address_in_use),
                                              "no free passive port"});
    open_ports_.insert({request.local, lent->port});
    co_return std::make_unique<MemoryLease>(
        *this, net::PassivePorts::Key{request.local, lent->port}, request.peers.address, *lent);
}

std::unique_ptr<MemoryStream> MemoryNetwork::connect(const base::Address& from,
                                                     const base::Address& to) {
    const auto listener = listeners_.find(to);
    if (listener == listeners_.end() && !open_ports_.contains(to)) return nullptr;
    auto [theirs, ours] = MemoryStream::connect(loop_, from, to, shape);
    if (listener != listeners_.end()) {
        const Accept accept = listener->second;
        accept(std::move(ours));
        return std::move(theirs);
    }
    ours->reset_unless_finished();
    const auto taker = ports_.arrived({to.ip, to.port}, from.ip, loop_.now());
    const auto id = taker ? taker->id : 0;
    if (const auto lease = leases_.find(id); lease != leases_.end())
        lease->second->arrive(std::move(ours));
    else if (const auto guest = admissions_.find(id); guest != admissions_.end())
        guest->second->arrive(std::move(ours));
    else
        ours->reset();
    return std::move(theirs);
}

}  // namespace ballast::support
