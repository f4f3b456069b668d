// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/wiped_string.h"
#include "net/stream.h"
#include "net/tls_stream.h"

#include <memory>
#include <string>
#include <string_view>

namespace ballast::net {

/// A control connection as its owner parses it: what was received and not consumed yet, and whole
/// writes. Holds no buffer while nothing is unconsumed. What was read may have been a password: it
/// is overwritten wherever it was.
class ControlConnection {
public:
    /// `signal` is raised when there is more to receive; it outlives this object.
    ControlConnection(std::unique_ptr<Stream> stream, loop::Signal& signal);

    enum class Ask : std::uint8_t {
        if_signalled,  ///< not while nothing can have come: saves a system call
        anyway,        ///< what has come is asked of the system, not of the watch
    };
    /// Takes in what has arrived, once, and at most `bytes_max` unconsumed bytes in all.
    Io::State receive(std::size_t bytes_max, Ask ask = Ask::if_signalled);
    [[nodiscard]] std::string_view received() const { return received_; }
    void consume(std::size_t bytes);
    void watch();
    /// The error of the last `receive` that failed.
    [[nodiscard]] const std::error_code& error() const { return error_; }

    [[nodiscard]] loop::Task<base::Result<>> send(std::string_view bytes, base::Fault fault,
                                                  loop::Deadline deadline,
                                                  Interrupt interrupt = {});

    [[nodiscard]] Stream& stream() { return *stream_; }
    [[nodiscard]] const Stream& stream() const { return *stream_; }
    /// TLS begins: `wrap` makes a stream of this one, or throws and leaves it as it is. What was
    /// received and not consumed is thrown away: said before TLS, it was not said under it (RFC
    /// 4217 15.1).
    template <typename Wrap>
    TlsStream& begin_tls(const Wrap& wrap) {
        std::unique_ptr<TlsStream> wrapped = wrap(std::move(stream_));
        TlsStream& tls = *wrapped;
        put_stream(std::move(wrapped));
        return tls;
    }
    /// Null until another one is put in its place.
    [[nodiscard]] std::unique_ptr<Stream> take_stream() { return std::move(stream_); }
    void put_stream(std::unique_ptr<Stream> stream, std::string received = {});
    [[nodiscard]] const base::Address& local() const { return stream_->local(); }
    [[nodiscard]] const base::Address& peer() const { return stream_->peer(); }

private:
    std::unique_ptr<Stream> stream_;
    loop::Signal& signal_;
    base::WipedString received_;
    std::error_code error_;
    bool is_drained_ = false;  // the last read was short: nothing more until a watch says so
};

}  // namespace ballast::net
