// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/ledger.h"
#include "loop/job.h"
#include "net/network.h"
#include "relay/relay.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace ballast::session {

/// A data connection with contents that Ballast cannot read. It is opened to the same port of the
/// backend, and carried until both sides have ended. No reply shows how the transfer went, so a
/// proper end is passed on as such and any other end as a reset. Destroying it early resets both
/// sides.
class SealedData {
public:
    struct Parts {
        net::Network& network;
        net::Dial to;
        std::chrono::milliseconds connect_timeout;
        std::chrono::milliseconds stall_timeout;
        std::uint64_t stall_bytes;  ///< that must move in that time
        /// Added after one side has ended: the other may have much to send or to store.
        std::chrono::milliseconds end_timeout;
        std::shared_ptr<std::atomic<std::uint64_t>> downloaded;  ///< of the backend
        std::shared_ptr<std::atomic<std::uint64_t>> uploaded;
        std::shared_ptr<net::DataTraffic> traffic;
        guard::Ledger::Held place;
        guard::Throttle throttle;
        loop::Signal& owner;  ///< raised at the end
    };
    SealedData(Parts parts, std::unique_ptr<net::Stream> client);
    ~SealedData();
    SealedData(const SealedData&) = delete;
    SealedData& operator=(const SealedData&) = delete;

    [[nodiscard]] bool is_over() const { return job_.is_done(); }
    [[nodiscard]] const relay::SealedReport& report() const { return report_; }
    /// Why both sides were reset. Empty: they were not.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    /// No byte has been delivered in either direction.
    [[nodiscard]] bool is_unused() const {
        return report_.bytes_from_a == 0 && report_.bytes_from_b == 0;
    }
    /// The time since the client connected.
    [[nodiscard]] loop::Time::duration time() const {
        return parts_.network.loop().now() - began_at_;
    }
    [[nodiscard]] std::uint16_t port() const { return parts_.to.to.port; }

private:
    [[nodiscard]] loop::Task<> run();
    [[nodiscard]] loop::Task<std::string> carry();
    void reset();

    Parts parts_;
    std::unique_ptr<net::Stream> client_;
    std::unique_ptr<net::Stream> backend_;
    const loop::Time began_at_;
    relay::SealedReport report_;
    std::string problem_;
    loop::Signal signal_;
    loop::Job job_;
};

}  // namespace ballast::session
