// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"
#include "net/stream.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace ballast::support {

/// Properties of a connection in memory.
struct Shape {
    std::size_t pipe_bytes = 64 << 10;       ///< how much each direction holds
    std::size_t slice_bytes = 0;             ///< limit of one read or write; 0: none
    std::chrono::microseconds round_trip{};  ///< as each side measures it
};

/// One side of a connection in memory that behaves like a Linux TCP socket. FIN comes after the
/// bytes, RST after those that have arrived. A reset is reported once; later reads report an end.
/// Bytes sent to a closed side vanish and are answered with RST. Closing with unread bytes is a
/// reset. Signals are raised later, never from within a call.
class MemoryStream final : public net::Stream {
public:
    using Pair = std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>>;
    static Pair connect(loop::Loop& loop, const base::Address& a, const base::Address& b,
                        Shape shape = {});
    ~MemoryStream() override;
    MemoryStream(const MemoryStream&) = delete;
    MemoryStream& operator=(const MemoryStream&) = delete;

    net::Io read(std::span<char> into) override;
    net::Io write(std::span<const char> from) override;
    net::Io::State finish() override;
    void reset() override;
    void attach(loop::Signal* signal) override;
    void watch_readable() override;
    void watch_writable() override;
    [[nodiscard]] bool is_watching_readable() const override;
    [[nodiscard]] bool has_peer_left() const override;
    [[nodiscard]] bool has_failed() const override;
    [[nodiscard]] std::chrono::microseconds round_trip() const override;
    [[nodiscard]] int splice_source() const override { return -1; }
    [[nodiscard]] int splice_sink() const override { return -1; }
    [[nodiscard]] const base::Address& local() const override;
    [[nodiscard]] const base::Address& peer() const override;

    /// From now on only a finished stream ends properly when it is destroyed: a data connection.
    void reset_unless_finished();

    /// Whether this side has ended its direction or is gone, and how.
    [[nodiscard]] bool is_finished() const;
    [[nodiscard]] bool is_reset() const;

private:
    struct Wire;
    MemoryStream(std::shared_ptr<Wire> wire, std::size_t side);

    std::shared_ptr<Wire> wire_;
    std::size_t side_;
};

}  // namespace ballast::support
