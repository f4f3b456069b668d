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

/// The outcome of one attempt to move bytes, which never waits.
struct Io {
    enum class State : std::uint8_t {
        moved,        ///< `bytes`, at least one
        would_block,  ///< watch, wait, and try again
        ended,        ///< reading only: the peer closed its direction properly
        failed,       ///< `error` says how: reset, time-out, ...
    };
    State state = State::would_block;
    std::size_t bytes = 0;
    std::error_code error;
    /// `ended` only: under TLS the peer said close_notify. Without it, or without TLS, nobody can
    /// tell the end of the data from the end of who sent them.
    bool is_vouched_for = false;
};

/// One connection, as bytes. Belongs to one loop's thread. Who holds it attaches a signal, tries
/// to read or write, and where that would block asks to be signalled and waits.
///
/// Destroying a control connection closes it: properly, unless bytes of the peer were left unread,
/// which makes the kernel send RST. Destroying a data connection that was not finished resets it,
/// and so does the kernel if the process is killed: the end of data has to be earned.
class Stream {
public:
    Stream() = default;
    virtual ~Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    virtual Io read(std::span<char> into) = 0;
    /// What moved is in the system's hands. After `would_block` the next call must begin with the
    /// same bytes: TLS may have encrypted them already.
    virtual Io write(std::span<const char> from) = 0;
    /// Ends our direction; the peer's goes on. `moved` if that is done, `would_block` if it must be
    /// tried again when writing would not block, `failed` if the connection has failed.
    virtual Io::State finish() = 0;
    /// Breaks the connection so that the peer cannot take it for a proper end (TCP: RST).
    virtual void reset() = 0;

    /// Who is told; null: nobody. The signal must live until it is replaced.
    virtual void attach(loop::Signal* signal) = 0;
    /// Raises the attached signal once when reading (writing) would not block.
    virtual void watch_readable() = 0;
    virtual void watch_writable() = 0;
    /// True between `watch_readable` and its signal: reading would still block.
    [[nodiscard]] virtual bool is_watching_readable() const = 0;

    /// Whether the peer has ended its direction or is gone, also while bytes that it sent before
    /// are unread. False if that cannot be known.
    [[nodiscard]] virtual bool has_peer_left() const { return false; }
    /// How long a packet and its acknowledgement take at worst: the smoothed round trip and four
    /// times its variation (RFC 6298). Zero if that is not known.
    [[nodiscard]] virtual std::chrono::microseconds round_trip() const { return {}; }

    /// A descriptor that the kernel may take bytes from (put bytes into) by itself, or -1 if they
    /// must pass through `read` (`write`).
    [[nodiscard]] virtual int splice_source() const = 0;
    [[nodiscard]] virtual int splice_sink() const = 0;

    [[nodiscard]] virtual const base::Address& local() const = 0;
    [[nodiscard]] virtual const base::Address& peer() const = 0;
};

/// A signal that hears of a stream for as long as this object lives.
class Attached {
public:
    Attached(Stream& stream, loop::Signal& signal) : stream_(stream) { stream_.attach(&signal); }
    ~Attached() { stream_.attach(nullptr); }
    Attached(const Attached&) = delete;
    Attached& operator=(const Attached&) = delete;

private:
    Stream& stream_;
};

/// Asked before each wait for a peer, so also whenever the signal was raised. True ends the waiting
/// before its time (`operation_canceled`). Empty: never.
using Interrupt = std::function<bool()>;

/// Writes everything. `signal` is the one attached to the stream. An error is the given fault's.
[[nodiscard]] loop::Task<base::Result<>> write_all(Stream& stream, loop::Signal& signal,
                                                   std::string_view bytes, base::Fault fault,
                                                   loop::Deadline deadline,
                                                   Interrupt interrupt = {});

}  // namespace ballast::net
