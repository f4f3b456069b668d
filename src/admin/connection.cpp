// SPDX-License-Identifier: Apache-2.0
#include "admin/connection.h"

#include "config/spelling.h"

#include <algorithm>
#include <array>
#include <exception>
#include <fmt/format.h>
#include <utility>

namespace ballast::admin {

namespace {

/// Of a refused request, in the log.
constexpr std::size_t refused_bytes_max = 256;

constexpr auto fault = base::Fault::client;
/// What is sent before others get their turn.
constexpr std::size_t slice_bytes = 64UL * 1024;
/// A body that is shorter goes out together with its header.
constexpr std::size_t short_body_bytes = 4096;
/// How long a client that still sends may take to read the last answer.
constexpr auto linger_time = std::chrono::seconds(1);

std::string caller_text(const Caller& caller, std::string_view token) {
    if (const auto* const user = std::get_if<std::uint64_t>(&caller))
        return fmt::format("user {}", *user);
    const auto& client = std::get<std::string>(caller);
    return token.empty() ? "client " + client : fmt::format("client {}, token {}", client, token);
}

}  // namespace

Connection::Connection(Hall& hall, std::unique_ptr<net::Stream> stream, Caller caller,
                       loop::Signal& changed)
    : hall_(hall),
      tls_(hall.way == Way::socket ? nullptr : hall.access->tls),
      caller_(std::move(caller)),
      changed_(changed),
      signal_(hall.loop),
      stream_(std::move(stream)),
      waits_since_(hall.loop.now()) {
    stream_->attach(&signal_);
    job_ = loop::Job::start(run(), &changed);
}

bool Connection::has_ended() const {
    try {
        return job_.is_done();
    } catch (const std::exception& problem) {
        log::caught("an operator's connection failed", problem);
        return true;
    }
}

loop::Task<> Connection::run() {
    if (tls_ && !co_await begin_tls()) co_return;
    while (co_await serve_one()) {
        // Others get their turn before a request that has arrived already.
        co_await take_turns();
    }
    co_await linger();
}

loop::Task<bool> Connection::begin_tls() {
    auto wrapped = tls_->wrap_control(std::move(stream_), bond_);
    auto& tls = *wrapped;
    stream_ = std::move(wrapped);
    stream_->attach(&signal_);
    const auto patience = std::min(hall_.patience.request, hall_.access->handshake_timeout);
    const auto done = co_await tls.handshake(signal_, fault, waits_since_ + patience);
    if (!done)
        log::write_seldom(log::Level::info, "an operator's TLS handshake failed",
                          base::to_string(done.error()), {caller()});
    co_return done.has_value();
}

/// One request and its answer. False if it was the last.
loop::Task<bool> Connection::serve_one() {
    waits_since_ = hall_.loop.now();
    changed_.raise();
    const auto deadline = waits_since_ + hall_.patience.request;
    auto request = reader_.next(received_);
    while (request && !*request) {
        const bool is_more = co_await receive(deadline);
        if (!is_more && received_.empty() && !reader_.has_begun()) co_return false;
        request =
            is_more ? reader_.next(received_)
                    : std::unexpected(refusal(408, "the request is not complete (send all of it)"));
    }
    if (!request) {
        (void)co_await send(std::move(request.error()), {}, false);
        co_return false;
    }
    waits_since_ = loop::never;
    auto answer = co_await answer_to(**request);
    const bool keep_alive = (*request)->keep_alive && !hall_.is_closing;
    const bool is_sent = co_await send(std::move(answer), **request, keep_alive);
    co_return is_sent&& keep_alive;
}

loop::Task<Answer> Connection::answer_to(Request request) {
    const auto admitted = hall_.access->gate.admit(request, hall_.way);
    if (!admitted) {
        note(request, {}, admitted.error().status);
        co_return admitted.error();
    }
    auto asked = request;
    asked.by = caller_text(caller_, admitted->token);
    asked.rights = admitted->rights;
    if (asked.method == "HEAD") asked.method = "GET";
    auto answer = co_await hall_.answer(std::move(asked));
    if (answer.feed && request.method != "HEAD" && hall_.streams >= Hall::streams_max)
        answer = refusal(503, fmt::format("{} streams are open, and there is no place for another "
                                          "(end one)",
                                          hall_.streams));
    note(request, admitted->token, answer.status);
    co_return answer;
}

/// False if the connection cannot go on.
loop::Task<bool> Connection::send(Answer answer, const Request& request, bool keep_alive) {
    const bool has_body = request.method != "HEAD";
    const auto end = !answer.feed           ? BodyEnd::by_length
                     : request.takes_chunks ? BodyEnd::by_chunks
                                            : BodyEnd::by_close;
    // What a client says while it gets a feed is dropped, so no request can follow.
    keep_alive = keep_alive && end == BodyEnd::by_length;
    auto text = header_of(answer, end, keep_alive);
    auto body = std::move(answer.body);
    if (has_body && end == BodyEnd::by_chunks && !body.empty()) body = chunk(body);
    if (has_body && body.size() < short_body_bytes) text += std::exchange(body, {});
    const bool is_begun = co_await send(text) && (!has_body || co_await send(body));
    if (!is_begun || !answer.feed || !has_body) co_return is_begun;
    (void)co_await send_feed(std::move(answer.feed), request.takes_chunks);
    co_return false;
}

/// The client must take each slice within the patience. So an answer may be as long as it likes,
/// and a client that takes nothing still ends.
loop::Task<bool> Connection::send(std::string_view text) {
    while (!text.empty()) {
        waits_since_ = hall_.loop.now();
        const auto slice = text.substr(0, slice_bytes);
        const auto sent = co_await net::write_all(*stream_, signal_, slice, fault,
                                                  waits_since_ + hall_.patience.request);
        if (!sent) co_return false;
        text.remove_prefix(slice.size());
        if (!text.empty()) co_await take_turns();
    }
    co_return true;
}

/// False if the connection cannot go on. It ends when the gate changes: its token may count no
/// longer.
loop::Task<bool> Connection::send_feed(std::shared_ptr<Feed> feed, bool in_chunks) {
    struct Place {
        Place(Connection& connection, Feed& source) : own(connection), feed(source) {
            ++own.hall_.streams;
            own.is_streaming_ = true;
            feed.attach(&own.signal_);
        }
        ~Place() {
            feed.attach(nullptr);
            own.is_streaming_ = false;
            --own.hall_.streams;
        }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        Connection& own;
        Feed& feed;
    };
    const Place place(*this, *feed);
    changed_.raise();  // its place among the others is free
    const auto gate = hall_.access->gate.settings();
    std::string part;
    for (bool goes_on = true; goes_on;) {
        part.clear();
        goes_on = feed->take(part) && !hall_.is_closing &&
                  (hall_.way == Way::socket || gate == hall_.access->gate.settings());
        if (!part.empty() && !co_await send(in_chunks ? chunk(part) : part)) co_return false;
        if (!goes_on) break;
        waits_since_ = loop::never;
        if (!part.empty()) {
            co_await take_turns();
        } else {
            if (is_gone()) co_return false;
            stream_->watch_readable();
            (void)co_await signal_.wait(feed->due());
        }
    }
    co_return in_chunks&& co_await send(last_chunk);
}

/// Whether the client has left while it is ours to send. What it says meanwhile is not heard.
bool Connection::is_gone() {
    std::array<char, 4096> dropped;
    const auto io = stream_->read(dropped);
    return io.state == net::Io::State::ended || io.state == net::Io::State::failed;
}

/// Appends what arrives to `received_`. False if nothing more comes: the client has ended its
/// direction or is gone, or the time is over.
loop::Task<bool> Connection::receive(loop::Deadline deadline) {
    std::array<char, 4096> part;
    while (hall_.loop.now() < deadline) {
        const auto io = stream_->read(part);
        if (io.state == net::Io::State::moved) {
            received_.append(part.data(), io.bytes);
            co_return true;
        }
        if (io.state != net::Io::State::would_block) co_return false;
        const bool is_idle = received_.empty() && !reader_.has_begun();
        if (is_idle && hall_.is_closing) co_return false;
        stream_->watch_readable();
        (void)co_await signal_.wait(deadline);
    }
    co_return false;
}

/// Everything else that is due on this thread runs before this goes on.
loop::Task<> Connection::take_turns() {
    signal_.raise();
    (void)co_await signal_.wait(loop::never);
}

/// Closing with unread bytes would reset the connection, and the client would lose the answer.
loop::Task<> Connection::linger() {
    waits_since_ = hall_.loop.now();
    const auto deadline = waits_since_ + linger_time;
    if (stream_->finish() == net::Io::State::failed) co_return;
    received_.clear();
    while (co_await receive(deadline)) received_.clear();
}

log::Field Connection::caller() const {
    if (const auto* const user = std::get_if<std::uint64_t>(&caller_)) return {"user", *user};
    return {"client", std::string_view(std::get<std::string>(caller_))};
}

/// Who changed what, and who was not let in. Looking is not logged: monitoring asks all the time.
void Connection::note(const Request& request, std::string_view token, unsigned status) const {
    const bool is_refused = status == 401 || status == 403;
    const bool only_looks = request.method == "GET" || request.method == "HEAD";
    if (only_looks && !is_refused) return;
    const auto what = fmt::format("{} {}", request.method, config::in_quotes(request.target));
    // Anybody may be refused again and again.
    if (is_refused)
        return log::write_seldom(log::Level::info, "an operator's request was refused",
                                 status == 401 ? "401" : "403",
                                 {{"request", std::string_view(what).substr(0, refused_bytes_max)},
                                  caller(),
                                  {"token", token},
                                  {"status", std::uint64_t{status}}});
    log::write_each(log::Level::info, "an operator's request",
                    {{"request", what},
                     {"body", config::in_quotes(request.body)},
                     caller(),
                     {"token", token},
                     {"status", std::uint64_t{status}}});
}

}  // namespace ballast::admin
