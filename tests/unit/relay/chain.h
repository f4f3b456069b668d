// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "net/tls_stream.h"
#include "relay/relay.h"
#include "support/between.h"
#include "support/data_peer.h"
#include "support/memory_stream.h"
#include "support/test_loop.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

namespace ballast::relay {

/// Which legs of a chain are under TLS.
struct TlsLegs {
    bool source = false;
    bool sink = false;
};

/// One transfer in memory: one receiver, one sender after the other, and the relay between them.
class Chain {
public:
    explicit Chain(Trail trail, support::Shape shape = {}, TlsLegs tls = {});

    /// Ends the present sender and relay, and begins with the next. It continues where the trail
    /// asks it to, or at the beginning.
    void begin(bool can_restart = true);
    /// The sender sends this file up to `end`.
    void send_up_to(std::string_view file, std::size_t end) const;
    /// It does so, and is lost then.
    void lose(std::string_view file, std::size_t end);
    /// It sends the whole file and ends properly.
    void finish(std::string_view file);
    /// The relay is cancelled.
    void cancel() { job_.cancel(); }
    [[nodiscard]] bool is_over() const { return job_.is_done(); }

    support::TestLoop loop;
    support::DataPeer receiver{loop};
    std::unique_ptr<support::DataPeer> sender;
    const std::chrono::milliseconds stall = std::chrono::seconds(30);
    std::uint64_t stall_bytes = 1;
    guard::Throttle most;
    Continuation continuation;
    Report report;
    std::shared_ptr<std::atomic<std::uint64_t>> moved =
        std::make_shared<std::atomic<std::uint64_t>>(0);

private:
    [[nodiscard]] std::unique_ptr<net::Stream> connect_source();
    [[nodiscard]] std::unique_ptr<net::Stream> connect_sink();
    void shake_hands(net::TlsStream& stream);

    support::Shape shape_;
    TlsLegs tls_;
    std::unique_ptr<net::Stream> source_;
    std::unique_ptr<net::Stream> sink_;
    loop::Job job_;
};

}  // namespace ballast::relay
