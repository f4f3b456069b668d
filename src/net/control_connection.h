// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/wiped_string.h"
#include "net/stream.h"
#include "net/tls_stream.h"

#include <memory>
#include <string>
#include <string_view>

namespace ballast::net {

/// A control connection for its parser: received bytes that are not consumed yet, and whole writes.
/// Holds no buffer while there are no such bytes. Received bytes may be passwords, so all copies
/// are overwritten.
class ControlConnection {
public:
    /// `signal` is raised when there is more to receive. It must outlive this object.
    ControlConnection(std::unique_ptr<Stream> stream, loop::Signal& signal);

    enum class Ask : std::uint8_t {
        if_signalled,  ///< only if the watch saw something: saves a system call
        anyway,        ///< ask the system, whatever the watch says
    };
    /// Reads once, and holds at most `bytes_max` unconsumed bytes.
    Io::State receive(std::size_t bytes_max, Ask ask = Ask::if_signalled);
    [[nodiscard]] std::string_view received() const { return received_; }
    void consume(std::size_t bytes);
    void watch();
    /// The error of the last failed `receive`.
    [[nodiscard]] const std::error_code& error() const { return error_; }

    [[nodiscard]] loop::Task<base::Result<>> send(std::string_view bytes, base::Fault fault,
                                                  loop::Deadline deadline,
                                                  Interrupt interrupt = {});

    [[nodiscard]] Stream& stream() { return *stream_; }
    [[nodiscard]] const Stream& stream() const { return *stream_; }
    /// Begins TLS: `wrap` turns this stream into another, or throws and leaves it unchanged.
    /// Unconsumed bytes are dropped, because they came in plain text (RFC 4217 15.1).
    template <typename Wrap>
    TlsStream& begin_tls(const Wrap& wrap) {
        std::unique_ptr<TlsStream> wrapped = wrap(std::move(stream_));
        TlsStream& tls = *wrapped;
        put_stream(std::move(wrapped));
        return tls;
    }
    /// Takes the stream out. There is none until `put_stream`.
    [[nodiscard]] std::unique_ptr<Stream> take_stream() { return std::move(stream_); }
    void put_stream(std::unique_ptr<Stream> stream, std::string received = {});
    /// From now on this signal is raised.
    void raise(loop::Signal& signal);
    [[nodiscard]] const base::Address& local() const { return stream_->local(); }
    [[nodiscard]] const base::Address& peer() const { return stream_->peer(); }

private:
    std::unique_ptr<Stream> stream_;
    loop::Signal* signal_;
    base::WipedString received_;
    std::error_code error_;
    bool is_drained_ = false;  // the last read was short: read again after the watch's signal
};

}  // namespace ballast::net
