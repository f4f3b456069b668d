// SPDX-License-Identifier: Apache-2.0
#include "session/client_leg.h"

#include "metrics/counters.h"

#include <algorithm>

namespace ballast::session {

namespace {

constexpr std::size_t refusal_bytes_max = 256;

}  // namespace

ClientLeg::ClientLeg(std::unique_ptr<net::Stream> stream, const config::Listener& settings,
                     loop::Signal& signal, net::Interrupt interrupt)
    : settings_(settings),
      signal_(signal),
      interrupt_(std::move(interrupt)),
      control_(std::move(stream), signal),
      parser_(settings.command_bytes_max) {}

std::optional<ClientEvent> ClientLeg::poll(Ask ask) {
    // A line without an end must not block the other sessions on this thread.
    constexpr int reads_max = 8;
    for (int reads = 0; reads < reads_max; ++reads) {
        while (!control_.received().empty()) {
            auto step = parser_.next(control_.received());
            control_.consume(step.consumed);
            if (!step.command) break;
            if (*step.command)
                return ClientEvent{ClientEvent::Kind::command, std::move(**step.command), {}};
            return ClientEvent{ClientEvent::Kind::bad_line, {}, step.command->error()};
        }
        if (is_over_) return ClientEvent{*is_over_, {}, {}};
        switch (control_.receive(settings_.pipelined_bytes_max, ask)) {
            case net::Io::State::moved: break;
            case net::Io::State::would_block: return std::nullopt;
            case net::Io::State::ended: is_over_ = ClientEvent::Kind::ended; break;
            case net::Io::State::failed: is_over_ = ClientEvent::Kind::lost; break;
        }
        // An incomplete line at the end of the connection is not a command.
        if (is_over_) return ClientEvent{*is_over_, {}, {}};
    }
    signal_.raise();
    return std::nullopt;
}

std::optional<ClientEvent> ClientLeg::next() {
    if (deferred_.empty()) return poll();
    ClientEvent event = std::move(deferred_.front());
    deferred_.erase(deferred_.begin());
    deferred_bytes_ -= sizeof(ClientEvent) + event.command.line.size();
    if (deferred_.empty()) deferred_.shrink_to_fit();
    return event;
}

void ClientLeg::defer(ClientEvent event) {
    const bool could_poll = may_poll();
    deferred_bytes_ += sizeof(ClientEvent) + event.command.line.size();
    deferred_.push_back(std::move(event));
    if (could_poll && !may_poll()) metrics::count(metrics::Counter::limit_pipelined_bytes);
}

bool ClientLeg::has_deferred(std::string_view verb) const {
    return std::ranges::any_of(
        deferred_, [&](const ClientEvent& event) { return event.command.verb == verb; });
}

bool ClientLeg::drop_deferred(std::string_view verb) {
    const auto found = std::ranges::find(
        deferred_, verb, [](const ClientEvent& event) { return event.command.verb; });
    if (found == deferred_.end()) return false;
    deferred_bytes_ -= sizeof(ClientEvent) + found->command.line.size();
    deferred_.erase(found);
    return true;
}

bool ClientLeg::hear() {
    while (may_poll()) {
        auto event = poll();
        if (!event) break;
        const bool is_here =
            event->kind != ClientEvent::Kind::ended && event->kind != ClientEvent::Kind::lost;
        if (!is_here && !deferred_.empty() && deferred_.back().kind == event->kind) return false;
        defer(std::move(*event));
        if (!is_here) return false;
    }
    return true;
}

loop::Task<base::Result<>> ClientLeg::begin_tls(const net::TlsServer& server, net::TlsBond& bond,
                                                loop::Deadline deadline) {
    deferred_.clear();
    deferred_bytes_ = 0;
    parser_ = ftp::CommandParser(settings_.command_bytes_max);
    auto& tls = control_.begin_tls([&](std::unique_ptr<net::Stream>&& plain) {
        return server.wrap_control(std::move(plain), bond);
    });
    auto done = co_await tls.handshake(signal_, base::Fault::client, deadline, interrupt_);
    if (!done) co_return std::unexpected(done.error());
    server.remember(tls, bond);
    tls_ = &tls;
    co_return base::Result<>{};
}

loop::Task<base::Result<>> ClientLeg::end_tls(loop::Deadline deadline) {
    std::string first_bytes;
    auto plain = co_await tls_->leave(signal_, first_bytes, deadline, interrupt_);
    if (!plain) co_return std::unexpected(plain.error());
    tls_ = nullptr;
    control_.put_stream(std::move(*plain), std::move(first_bytes));
    co_return base::Result<>{};
}

void ClientLeg::begin_command(bool is_secret) {
    is_secret_ = is_secret;
    first_code_ = last_code_ = 0;
    if (!last_refusal_.empty()) last_refusal_ = {};
}

loop::Task<base::Result<>> ClientLeg::send(const ftp::Reply& reply) {
    if (!reply.is_preliminary()) {
        const bool tells_status = reply.code >= 211 && reply.code <= 213;
        last_code_ = reply.code;
        if (first_code_ == 0 && !tells_status) first_code_ = reply.code;
    }
    if (reply.is_negative() && !is_secret_)
        last_refusal_ = reply.message().substr(0, refusal_bytes_max);
    return control_.send(reply.text, base::Fault::client,
                         signal_.loop().after(settings_.write_timeout), interrupt_);
}

void ClientLeg::finish() {
    (void)control_.stream().finish();
    // Closing with bytes unread makes the kernel send RST, which may overtake our last reply.
    constexpr int reads_max = 16;  // a client that floods may lose our last reply
    for (int i = 0; i < reads_max; ++i) {
        if (control_.receive(settings_.pipelined_bytes_max, Ask::anyway) != net::Io::State::moved)
            break;
        control_.consume(control_.received().size());
    }
}

}  // namespace ballast::session
