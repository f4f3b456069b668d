// SPDX-License-Identifier: Apache-2.0
#include "session/client_end.h"

#include "metrics/counters.h"

namespace ballast::session {

ClientEnd::~ClientEnd() {
    dialling_.cancel();
    if (dialled_ && *dialled_ && **dialled_) (**dialled_)->reset();
    if (stream_) stream_->reset();
}

std::string_view ClientEnd::claim() {
    if (!data_.is_set()) return "Can't open data connection: say PASV, EPSV, PORT or EPRT first.";
    if (tls_ == nullptr && data_.handshake.is_started())
        return "Can't open data connection: PROT has changed, say PASV, EPSV, PORT or EPRT again.";
    if (!data_.lease) return {};
    if (!data_.lease->keep())
        return "Can't open data connection: the port has expired, say PASV or EPSV again.";
    data_.lease->attach(&signal_);
    return {};
}

void ClientEnd::dial(loop::Deadline deadline) {
    dialling_ = loop::Job::start(run_dial(deadline), &signal_);
}

/// Dials from the address of the control connection, and from RFC 959's port if so configured.
loop::Task<> ClientEnd::run_dial(loop::Deadline deadline) {
    const auto& source = settings_.active_source_port;
    const auto control_port = client_.local().port;
    std::uint16_t source_port = 0;
    if (source.kind == config::ActiveSource::Kind::fixed) source_port = source.port;
    if (source.kind == config::ActiveSource::Kind::below_control && control_port > 1)
        source_port = static_cast<std::uint16_t>(control_port - 1);
    net::Dial dial{
        .to = *data_.active, .from = {}, .source_port = source_port, .fault = base::Fault::client};
    // An address of the other family is not reachable from ours.
    if (dial.to.ip.family() == client_.local().ip.family()) dial.from = client_.local().ip;
    dialled_ = co_await network_.dial(dial, deadline);
}

loop::Task<> ClientEnd::dialled() {
    while (!dialling_.is_done()) (void)co_await signal_.wait(loop::never);
}

/// Some clients start their handshake before the command. Then the session has started ours.
void ClientEnd::secure() {
    if (tls_ == nullptr || is_secured_) return;
    is_judged_ = true;
    if (stream_ && !data_.handshake.is_started())
        data_.begin_tls(std::move(stream_), *tls_, signal_);
}

ClientEnd::News ClientEnd::look() {
    if (is_connected()) return look_at_handshake();
    if (data_.lease && data_.lease->has_arrived()) {
        stream_ = data_.lease->take();
        return News::connected;
    }
    if (!dialling_.is_done() || !dialled_) return News::nothing;
    auto dialled = std::move(*std::exchange(dialled_, std::nullopt));
    if (dialled) {
        stream_ = std::move(*dialled);
        return News::connected;
    }
    problem_ = base::to_string(dialled.error());
    metrics::count(metrics::Counter::data_connections_missing);
    return News::unreachable;
}

ClientEnd::News ClientEnd::look_at_handshake() {
    auto& handshake = data_.handshake;
    if (!is_judged_ || stream_ || !handshake.result()) return News::nothing;
    if (!*handshake.result())
        metrics::count(metrics::Counter::tls_handshakes_failed);
    else
        metrics::count(handshake.stream().is_resumed()
                           ? metrics::Counter::tls_data_handshakes_resumed
                           : metrics::Counter::tls_data_handshakes_full);
    problem_ = tls_problem();
    if (!problem_.empty()) return News::tls_failed;
    stream_ = handshake.take();
    is_secured_ = true;
    return News::secured;
}

std::string ClientEnd::tls_problem() const {
    auto& handshake = data_.handshake;
    if (!*handshake.result())
        return "the client's data connection: " + base::to_string(handshake.result()->error());
    const bool demands_reuse = settings_.tls->session_reuse == config::SessionReuse::required;
    if (demands_reuse && !handshake.stream().is_resumed())
        return "the data connection must resume the control connection's TLS session";
    return {};
}

loop::Task<bool> ClientEnd::finish() {
    const auto deadline = network_.loop().after(settings_.data_stall_timeout);
    // A client that knows the size closes when it has every byte. Its kernel answers our end with a
    // reset.
    const bool is_satisfied = stream_->has_taken_all();
    for (;;) {
        const auto state = stream_->finish();
        if (state != net::Io::State::would_block)
            co_return is_satisfied || state == net::Io::State::moved;
        stream_->attach(&signal_);
        stream_->watch_writable();
        (void)co_await signal_.wait(deadline);
        if (network_.loop().now() >= deadline) co_return false;
    }
}

void ClientEnd::reset() {
    dialling_.cancel();
    if (stream_) stream_->reset();
    stream_.reset();
    data_.handshake.reset();
}

}  // namespace ballast::session
