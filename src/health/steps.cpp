// SPDX-License-Identifier: Apache-2.0
#include "health/steps.h"

#include "base/number.h"
#include "net/sha256.h"

#include <array>
#include <fmt/format.h>
#include <functional>
#include <utility>

namespace ballast::health {

namespace {

/// A larger directory is not a failure, but the rest need not be read.
constexpr std::size_t listing_bytes_max = std::size_t{16} << 20;

/// For TLS settings that follow the client: whether a probe's data connections use TLS.
constexpr bool client_protects_data = true;

std::unexpected<base::Error> failed(std::string_view step, std::string_view what) {
    return std::unexpected(
        base::Error{base::Fault::backend, {}, fmt::format("{}: {}", step, what)});
}

std::unexpected<base::Error> refused(std::string_view step, std::string_view verb,
                                     const ftp::Reply& reply) {
    return failed(step, fmt::format("{} was answered {} {}", verb, reply.code, reply.message()));
}

std::unexpected<base::Error> lost(std::string_view step, base::Error error) {
    error.doing = fmt::format("{}: {}", step, error.doing);
    return std::unexpected(std::move(error));
}

/// A download: its name in errors, its command, and what to do with the bytes.
struct Download {
    std::string_view step;
    std::string line;
    std::size_t bytes_max;
    std::function<void(std::string_view)> take;
};

loop::Task<base::Result<>> read_to_end(net::Stream& data, const Download& download,
                                       loop::Signal& signal, loop::Deadline deadline) {
    const net::Attached attached(data, signal);
    std::array<char, 16384> buffer;  // NOLINT: filled by read
    std::size_t bytes = 0;
    for (;;) {
        const auto io = data.read(buffer);
        switch (io.state) {
            case net::Io::State::moved:
                bytes += io.bytes;
                if (bytes > download.bytes_max)
                    co_return failed(download.step,
                                     fmt::format("more than {} bytes arrived", download.bytes_max));
                download.take({buffer.data(), io.bytes});
                break;
            case net::Io::State::would_block:
                data.watch_readable();
                if (signal.loop().now() >= deadline)
                    co_return failed(download.step, "the data connection stalled");
                (void)co_await signal.wait(deadline);
                break;
            case net::Io::State::ended: co_return base::Result<>{};
            case net::Io::State::failed:
                co_return failed(download.step, fmt::format("the data connection was lost: {}",
                                                            io.error.message()));
        }
    }
}

loop::Task<base::Result<>> download(backend::Leg& leg, const Download& download,
                                    loop::Signal& signal) {
    const auto step = download.step;
    const bool is_protected = leg.shall_protect_data(client_protects_data);
    if (auto refusal = co_await leg.protect_data(is_protected))
        co_return lost(step, std::move(refusal->error));
    auto data = co_await leg.open_data();
    if (!data) co_return lost(step, std::move(data.error().error));
    auto begun = co_await leg.command(download.line);
    if (!begun) co_return lost(step, std::move(begun.error()));
    const std::string_view verb = std::string_view(download.line).substr(0, 4);
    if (!begun->is_preliminary()) co_return refused(step, verb, *begun);

    const auto deadline = signal.loop().after(leg.settings().final_reply_timeout);
    auto stream = std::move(data->stream);
    if (data->lease) {
        const auto connected_by = signal.loop().after(leg.settings().connect_timeout);
        while (!data->lease->has_arrived() && signal.loop().now() < connected_by)
            (void)co_await signal.wait(connected_by);
        stream = data->lease->take();
        if (!stream) co_return failed(step, "the backend opened no data connection");
    }
    if (is_protected) {
        auto tls = leg.wrap_data(std::move(stream));
        auto done = co_await tls->handshake(signal, base::Fault::backend, deadline);
        if (!done) co_return lost(step, std::move(done.error()));
        leg.note_data_handshake(*tls);
        stream = std::move(tls);
    }
    if (auto read = co_await read_to_end(*stream, download, signal, deadline); !read)
        co_return std::unexpected(read.error());
    // Some servers send 226 only after this side has closed too.
    (void)stream->finish();
    stream.reset();
    auto ended = co_await leg.reply(deadline);
    if (!ended) co_return lost(step, std::move(ended.error()));
    if (!ended->is_positive()) co_return refused(step, verb, *ended);
    co_return base::Result<>{};
}

/// The text of a 213 reply; empty for other replies.
loop::Task<base::Result<std::string>> ask_fact(backend::Leg& leg, std::string line) {
    const auto reply = co_await leg.command(std::move(line));
    if (!reply) co_return lost("canary", reply.error());
    co_return reply->code == 213 ? reply->message() : std::string();
}

loop::Task<base::Result<CanaryFacts>> read_canary(backend::Leg& leg, const config::Probe& settings,
                                                  loop::Signal& signal) {
    const auto type = co_await leg.command("TYPE I");
    if (!type) co_return lost("canary", type.error());
    if (!type->is_positive()) co_return refused("canary", "TYPE", *type);
    net::Sha256 digest;
    std::uint64_t bytes = 0;
    const Download file{"canary", "RETR " + settings.canary, settings.canary_bytes_max,
                        [&](std::string_view piece) {
                            digest.add(piece);
                            bytes += piece.size();
                        }};
    if (auto read = co_await download(leg, file, signal); !read)
        co_return std::unexpected(read.error());
    const auto found = digest.hex();
    if (!settings.canary_sha256.empty() && found != settings.canary_sha256)
        co_return failed("canary", fmt::format("the digest of {} is {}, not {}", settings.canary,
                                               found, settings.canary_sha256));
    auto size = co_await ask_fact(leg, "SIZE " + settings.canary);
    if (!size) co_return std::unexpected(size.error());
    const auto promised = base::parse_number<std::uint64_t>(*size);
    if (promised && *promised != bytes)
        co_return failed("canary", fmt::format("{} of {} bytes arrived", bytes, *promised));
    auto time = co_await ask_fact(leg, "MDTM " + settings.canary);
    if (!time) co_return std::unexpected(time.error());
    co_return CanaryFacts{std::move(*size), std::move(*time)};
}

}  // namespace

loop::Task<base::Result<>> log_in(backend::Leg& leg, const std::string& user,
                                  const std::string& password) {
    const auto name = co_await leg.command("USER " + user);
    if (!name) co_return lost("login", name.error());
    if (name->is_positive()) co_return base::Result<>{};
    if (name->code != 331) co_return refused("login", "USER", *name);
    const auto secret = co_await leg.command("PASS " + password);
    if (!secret) co_return lost("login", secret.error());
    // The text might repeat the password.
    if (!secret->is_positive()) co_return refused("login", "PASS", {secret->code, {}});
    co_return base::Result<>{};
}

loop::Task<base::Result<std::optional<CanaryFacts>>> ask_further(backend::Leg& leg,
                                                                 const config::Probe& settings,
                                                                 loop::Signal& signal,
                                                                 StepTimes& times) {
    if (settings.pwd) {
        const auto directory = co_await leg.command("PWD");
        if (!directory) co_return lost("pwd", directory.error());
        if (directory->code != 257) co_return refused("pwd", "PWD", *directory);
        times.done("pwd", signal.loop().now());
    }
    if (!settings.list.empty()) {
        const Download listing{"list", "LIST " + settings.list, listing_bytes_max,
                               [](std::string_view) {}};
        if (auto read = co_await download(leg, listing, signal); !read)
            co_return std::unexpected(read.error());
        times.done("list", signal.loop().now());
    }
    if (settings.canary.empty()) co_return std::nullopt;
    auto facts = co_await read_canary(leg, settings, signal);
    if (!facts) co_return std::unexpected(facts.error());
    times.done("canary", signal.loop().now());
    co_return std::move(*facts);
}

}  // namespace ballast::health
