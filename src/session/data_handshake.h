// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "net/tls_stream.h"

#include <memory>
#include <optional>

namespace ballast::session {

/// The TLS handshake of one data connection, beside everything else that happens to the session:
/// whichever of the two peers waits for the other, neither waits for us. Destroying it breaks the
/// connection. Lives where it is made: the handshake refers to it.
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
    /// Empty while it goes on.
    [[nodiscard]] const std::optional<base::Result<>>& result() const {
        (void)job_.is_done();  // throws what it has thrown
        return result_;
    }
    [[nodiscard]] net::TlsStream& stream() { return *stream_; }
    /// After a good result: the connection is the caller's, and this is as before the start.
    [[nodiscard]] std::unique_ptr<net::TlsStream> take();
    /// Breaks the connection. As before the start.
    void reset();

private:
    [[nodiscard]] loop::Task<> run(loop::Loop& loop, base::Fault fault, loop::Deadline deadline);

    std::unique_ptr<net::TlsStream> stream_;
    std::optional<base::Result<>> result_;
    loop::Job job_;
};

}  // namespace ballast::session
