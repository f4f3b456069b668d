// SPDX-License-Identifier: Apache-2.0
#include "backend/leg.h"

#include "ftp/host_port.h"

#include <fmt/format.h>

namespace ballast::backend {

namespace {

/// How long a reply that looks complete but is not by the letter may still go on.
constexpr auto settle_time = std::chrono::seconds(1);

/// A server that does not know EPSV, or not for this protocol (RFC 2428 2: 522), may know PASV. A
/// 550 or 4xx is a refusal of the data connection itself.
bool is_unknown_command(const ftp::Reply& reply) {
    return (reply.code >= 500 && reply.code <= 504) || reply.code == 522;
}

}  // namespace

Leg::Leg(net::Network& network, std::unique_ptr<net::Stream> stream, const config::Pool& settings,
         std::shared_ptr<Known> known, loop::Signal& signal)
    : network_(network),
      control_(std::move(stream), signal),
      settings_(settings),
      known_(std::move(known)),
      signal_(signal),
      parser_(settings.reply_line_bytes_max, settings.reply_bytes_max) {}

loop::Task<base::Result<std::unique_ptr<Leg>>> Leg::connect(net::Network& network,
                                                            base::Address address,
                                                            const config::Pool& settings,
                                                            std::shared_ptr<Known> known,
                                                            loop::Signal& signal) {
    auto stream = co_await network.dial({.to = address,
                                         .from = {},
                                         .fault = base::Fault::backend,
                                         .purpose = net::Dial::Purpose::control},
                                        network.loop().after(settings.connect_timeout));
    if (!stream) co_return std::unexpected(stream.error());
    auto leg =
        std::make_unique<Leg>(network, std::move(*stream), settings, std::move(known), signal);
    const auto deadline = network.loop().after(settings.greeting_timeout);
    for (;;) {
        auto greeting = co_await leg->reply(deadline);
        if (!greeting) {
            greeting.error().doing = "waiting for the greeting of " + base::to_string(address);
            co_return std::unexpected(greeting.error());
        }
        if (greeting->is_positive()) co_return leg;
        // RFC 959 5.4: 120 "service ready in nnn minutes", then 220.
        if (!greeting->is_preliminary())
            co_return std::unexpected(
                base::Error{base::Fault::backend,
                            {},
                            fmt::format("{} greeted with {} {}", base::to_string(address),
                                        greeting->code, greeting->message())});
    }
}

base::Error Leg::lost(std::error_code code, const char* doing) const {
    return {base::Fault::backend, code,
            fmt::format("{} {}", doing, base::to_string(control_.peer()))};
}

loop::Task<base::Result<>> Leg::send(std::string line) {
    line += "\r\n";
    co_return co_await control_.send(line, base::Fault::backend,
                                     signal_.loop().after(settings_.reply_timeout));
}

std::optional<base::Result<ftp::Reply>> Leg::take(ftp::ReplyParser::Step step) {
    control_.consume(step.consumed);
    if (!step.reply) return std::nullopt;
    settle_at_ = loop::never;
    if (*step.reply) return std::move(**step.reply);
    switch (step.reply->error()) {
        case ftp::ReplyError::line_too_long:
        case ftp::ReplyError::reply_too_long:
            return std::unexpected(lost({}, "an endless reply from"));
        case ftp::ReplyError::bad_code: return std::unexpected(lost({}, "no FTP reply from"));
    }
    std::terminate();
}

std::optional<base::Result<ftp::Reply>> Leg::poll_reply() {
    // Parse before reading: several replies may have come at once, and a last one before the end.
    if (!control_.received().empty())
        if (auto taken = take(parser_.next(control_.received()))) return taken;
    const auto state = control_.receive(settings_.reply_bytes_max + settings_.reply_line_bytes_max);
    if (state == net::Io::State::moved) {
        if (auto taken = take(parser_.next(control_.received()))) return taken;
        settle_at_ = parser_.may_settle(control_.received()) ? signal_.loop().after(settle_time)
                                                             : loop::never;
        return std::nullopt;
    }
    if (settle_at_ <= signal_.loop().now())
        if (auto taken = take(parser_.settle(control_.received()))) return taken;
    if (state == net::Io::State::ended)
        return std::unexpected(lost(std::make_error_code(std::errc::connection_reset),
                                    "the control connection was closed by"));
    if (state == net::Io::State::failed)
        return std::unexpected(lost(control_.error(), "the control connection was lost to"));
    return std::nullopt;
}

loop::Task<base::Result<ftp::Reply>> Leg::reply(loop::Deadline deadline) {
    for (;;) {
        if (auto polled = poll_reply()) co_return std::move(*polled);
        control_.watch();
        (void)co_await signal_.wait(loop::sooner(deadline, settle_at_));
        if (signal_.loop().now() >= deadline)
            co_return std::unexpected(
                lost(std::make_error_code(std::errc::timed_out), "waiting for a reply of"));
    }
}

loop::Task<base::Result<ftp::Reply>> Leg::command(std::string line) {
    if (auto sent = co_await send(std::move(line)); !sent) co_return std::unexpected(sent.error());
    co_return co_await reply(signal_.loop().after(settings_.reply_timeout));
}

loop::Task<std::expected<ftp::Reply, DataRefusal>> Leg::ask_passive() {
    const auto ask = [this](const char* verb) { return command(verb); };
    const bool asks_epsv = !known_->prefers_pasv();
    if (asks_epsv) {
        auto reply = co_await ask("EPSV");
        if (!reply) co_return std::unexpected(DataRefusal{{}, reply.error(), true});
        if (!is_unknown_command(*reply)) co_return std::move(*reply);
        known_->set_prefers_pasv(true);
    }
    auto reply = co_await ask("PASV");
    if (!reply) co_return std::unexpected(DataRefusal{{}, reply.error(), true});
    // A server that lists no EPSV but has only IPv6 may know no PASV either.
    if (is_unknown_command(*reply)) {
        known_->set_prefers_pasv(false);
        if (!asks_epsv) reply = co_await ask("EPSV");
        if (!reply) co_return std::unexpected(DataRefusal{{}, reply.error(), true});
    }
    co_return std::move(*reply);
}

loop::Task<std::expected<std::unique_ptr<net::Stream>, DataRefusal>> Leg::open_data() {
    auto asked = co_await ask_passive();
    if (!asked) co_return std::unexpected(asked.error());
    const auto refused = [&](std::string doing) {
        return std::unexpected(
            DataRefusal{*asked, {base::Fault::backend, {}, std::move(doing)}, false});
    };
    if (!asked->is_positive())
        co_return refused(fmt::format("{} refused a data connection: {} {}",
                                      base::to_string(address()), asked->code, asked->message()));
    const auto passive = ftp::parse_passive_reply(asked->text);
    if (!passive)
        co_return refused(fmt::format("{} named no data port: {} {}", base::to_string(address()),
                                      asked->code, asked->message()));
    auto stream = co_await network_.dial({.to = {address().ip, passive->port},
                                          .from = control_.local().ip,
                                          .fault = base::Fault::backend},
                                         network_.loop().after(settings_.connect_timeout));
    if (!stream) co_return std::unexpected(DataRefusal{{}, stream.error(), false});
    co_return std::move(*stream);
}

}  // namespace ballast::backend
