// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_intake.h"

#include "base/owned_fd.h"
#include "metrics/counters.h"

#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <sys/socket.h>

namespace ballast::net {

namespace {

base::Error refusal(std::string reason) { return {base::Fault::client, {}, std::move(reason)}; }

/// Peeks at received bytes. 0: none yet.
base::Result<std::size_t> peek(int native, std::span<char> into) {
    const auto bytes = ::recv(native, into.data(), into.size(), MSG_PEEK);
    if (bytes > 0) return static_cast<std::size_t>(bytes);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return std::unexpected(refusal("it ended before its PROXY header was complete"));
}

/// Reads more of the header into `received`. Empty if it is not complete yet.
std::optional<base::Result<ProxiedConnection>> read_header(int native, std::string& received) {
    std::array<char, proxy_header_bytes_max> buffer;  // NOLINT: filled by recv
    const auto seen = peek(native, buffer);
    if (!seen) return std::unexpected(seen.error());
    const auto before = received.size();
    received.append(buffer.data(), *seen);
    const auto parsed = parse_proxy_header(received);
    if (parsed && !*parsed)
        return std::unexpected(refusal(std::string(to_string(parsed->error()))));
    // Take everything, or everything up to the header's end.
    const auto own = (parsed ? (*parsed)->bytes : received.size()) - before;
    if (own > 0 && ::recv(native, buffer.data(), own, 0) != static_cast<ssize_t>(own))
        return std::unexpected(refusal("it failed within its PROXY header"));
    if (!parsed) return std::nullopt;
    return **parsed;
}

}  // namespace

void ProxyIntake::take(base::OwnedFd socket, std::chrono::milliseconds timeout, Done done) {
    auto watched = loop::Descriptor::open(loop_, socket.get());
    if (!watched) return done(std::unexpected(watched.error()), {});
    (void)socket.release();
    const auto id = next_id_++;
    const auto place = waiting_.try_emplace(id, loop_, std::move(*watched), std::move(done)).first;
    auto& waiting = place->second;
    try {
        waiting.job = loop::Job::start(run(id, waiting, loop_.after(timeout)));
    } catch (...) {
        waiting_.erase(place);
        throw;
    }
}

loop::Task<> ProxyIntake::run(Id id, Waiting& waiting, loop::Deadline deadline) {
    std::string received;
    std::optional<base::Result<ProxiedConnection>> header;
    while (!(header = read_header(waiting.connection.native(), received))) {
        waiting.connection.watch_readable();
        if (!co_await waiting.signal.wait(deadline)) {
            header = std::unexpected(refusal("its PROXY header took too long"));
            break;
        }
    }
    // A job cannot be destroyed from inside itself. It may be gone when the posted work runs.
    loop_.post([this, id, header = std::move(*header)] { end(id, header); });
}

void ProxyIntake::end(Id id, const base::Result<ProxiedConnection>& header) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    auto done = std::move(found->second.done);
    base::OwnedFd socket(found->second.connection.release());
    waiting_.erase(found);
    if (header) return done(std::move(socket), *header);
    metrics::count(metrics::Counter::proxy_headers_refused);
    reset_on_close(socket.get());
    done(std::unexpected(header.error()), {});
}

}  // namespace ballast::net
