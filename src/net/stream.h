// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>

namespace ballast::net {

/// The outcome of one attempt to move bytes. An attempt never waits.
struct Io {
    enum class State : std::uint8_t {
        moved,        ///< `bytes`, at least one
        would_block,  ///< watch, wait, and try again
        ended,        ///< reading only: the peer closed its direction properly
        failed,       ///< `error` says how: reset, timeout, ...
    };
    State state = State::would_block;
    std::size_t bytes = 0;
    std::error_code error;
    /// `ended` only: the TLS peer sent close_notify. Otherwise the end of the data looks the same
    /// as the end of a crashed sender.
    bool is_vouched_for = false;
};

/// One connection, as bytes. Belongs to one loop's thread. Its owner attaches a signal and tries to
/// read or write. If that would block, the owner asks for the signal and waits.
///
/// Destroying a control connection closes it properly, unless bytes of the peer were left unread;
/// then the kernel sends RST. Destroying an unfinished data connection resets it. So does the
/// kernel if the process is killed. A proper end must mean complete data.
class Stream {
public:
    Stream() = default;
    virtual ~Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    virtual Io read(std::span<char> into) = 0;
    /// `moved` bytes belong to the system. After `would_block` the next call must begin with the
    /// same bytes, because TLS may have encrypted them already.
    virtual Io write(std::span<const char> from) = 0;
    /// Bytes written from now on may wait for more, and go out with the end (`finish`): in fewer
    /// packets. Otherwise the system sends them after 200 ms or one retransmission timeout.
    virtual void cork() {}
    /// Sends what waits.
    virtual void uncork() {}
    /// For those who write to `splice_sink` themselves.
    [[nodiscard]] virtual bool is_corked() const { return false; }
    /// Ends our direction; the peer's goes on. `moved` if done, `would_block` to try again when
    /// writable, `failed` if the connection has failed.
    virtual Io::State finish() = 0;
    /// Breaks the connection so that the peer cannot mistake it for a proper end (TCP: RST).
    virtual void reset() = 0;

    /// The signal to raise; null for none. It must live until it is replaced.
    virtual void attach(loop::Signal* signal) = 0;
    /// Raises the attached signal once when reading (writing) would not block.
    virtual void watch_readable() = 0;
    virtual void watch_writable() = 0;
    /// True between `watch_readable` and its signal: reading would still block.
    [[nodiscard]] virtual bool is_watching_readable() const = 0;

    /// Whether the peer has ended its direction or is gone, even if bytes that it sent before are
    /// unread. False if unknown.
    [[nodiscard]] virtual bool has_peer_left() const { return false; }
    /// Whether the connection is broken, even after its end was read: the system reports an error
    /// once in reading and wakes nobody for it after the end. False if unknown.
    [[nodiscard]] virtual bool has_failed() const { return false; }
    /// Whether the peer has acknowledged every byte and then closed properly: it has all that it
    /// wanted. False if unknown.
    [[nodiscard]] virtual bool has_taken_all() const { return false; }
    /// How long a packet and its acknowledgement take at worst: the smoothed round trip plus four
    /// times its variation (RFC 6298), but at most four times the least that was seen, because
    /// peers delay acknowledgements. Zero if unknown.
    [[nodiscard]] virtual std::chrono::microseconds round_trip() const { return {}; }

    /// A descriptor that the kernel may read from (write to) directly, or -1 if bytes must pass
    /// through `read` (`write`).
    [[nodiscard]] virtual int splice_source() const = 0;
    [[nodiscard]] virtual int splice_sink() const = 0;
    /// What the user of such a descriptor may say at once after a call of its own, so that a watch
    /// need not ask the system: its read (its write) would have blocked.
    virtual void note_drained() {}
    virtual void note_full() {}
    /// Its loop is not woken for its bytes from now on, until `unmute`: another thread uses a copy
    /// of its descriptor meanwhile.
    virtual void mute() {}
    virtual void unmute() {}
    /// An end, an error or urgent data has been reported: after a short read there may be more.
    /// False if unknown.
    [[nodiscard]] virtual bool is_special() const { return false; }
    /// Whether it encrypts, itself or in the kernel.
    [[nodiscard]] virtual bool is_tls() const { return false; }

    [[nodiscard]] virtual const base::Address& local() const = 0;
    [[nodiscard]] virtual const base::Address& peer() const = 0;
};

/// Attaches a signal to a stream for as long as this object lives.
class Attached {
public:
    Attached(Stream& stream, loop::Signal& signal) : stream_(stream) { stream_.attach(&signal); }
    ~Attached() { stream_.attach(nullptr); }
    Attached(const Attached&) = delete;
    Attached& operator=(const Attached&) = delete;

private:
    Stream& stream_;
};

/// Called before each wait for a peer, and so whenever the signal was raised. True ends the wait
/// early (`operation_canceled`). Empty: never.
using Interrupt = std::function<bool()>;

/// Writes everything. `signal` is attached to the stream. `fault` is the fault of an error.
[[nodiscard]] loop::Task<base::Result<>> write_all(Stream& stream, loop::Signal& signal,
                                                   std::string_view bytes, base::Fault fault,
                                                   loop::Deadline deadline,
                                                   Interrupt interrupt = {});

}  // namespace ballast::net
