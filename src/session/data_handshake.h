// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "net/tls_stream.h"

#include <memory>
#include <optional>

namespace ballast::session {

/// The TLS handshake of one data connection. It runs beside the session's other work, so neither
/// peer has to wait for us. Destroying it breaks the connection. It must not move, because the
/// handshake refers to it.
class DataHandshake {
public:
    DataHandshake() = default;
    ~DataHandshake() { reset(); }
    DataHandshake(const DataHandshake&) = delete;
    DataHandshake& operator=(const DataHandshake&) = delete;

    /// `done` is raised when there is a result.
    void start(std::unique_ptr<net::TlsStream> stream, base::Fault fault, loop::Deadline deadline,
               loop::Signal& done);
    [[nodiscard]] bool is_started() const { return job_.is_started(); }
    /// Empty while the handshake runs.
    [[nodiscard]] const std::optional<base::Result<>>& result() const {
        (void)job_.is_done();  // throws what it has thrown
        return result_;
    }
    [[nodiscard]] net::TlsStream& stream() { return *stream_; }
    /// Returns the connection after a good result, and resets this object to its initial state.
    [[nodiscard]] std::unique_ptr<net::TlsStream> take();
    /// Breaks the connection and resets this object to its initial state.
    void reset();

private:
    [[nodiscard]] loop::Task<> run(loop::Loop& loop, base::Fault fault, loop::Deadline deadline);

    std::unique_ptr<net::TlsStream> stream_;
    std::optional<base::Result<>> result_;
    loop::Job job_;
};

}  // namespace ballast::session
