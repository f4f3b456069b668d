// SPDX-License-Identifier: Apache-2.0
#include "daemon/inheritance.h"

#include "base/number.h"
#include "daemon/successor.h"
#include "net/acceptor.h"
#include "net/message_socket.h"
#include "net/port_words.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <system_error>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <utility>

namespace ballast::daemon {

namespace {

constexpr auto patience = std::chrono::seconds(10);

/// Sockets of the service manager (`ballast.socket`).
base::Result<> take_activated(Inheritance& inheritance) {
    constexpr int unset_environment = 1;
    const int count = ::sd_listen_fds(unset_environment);
    for (int native = SD_LISTEN_FDS_START; native < SD_LISTEN_FDS_START + count; ++native) {
        base::OwnedFd socket(native);
        ::fcntl(native, F_SETFD, FD_CLOEXEC);
        ::fcntl(native, F_SETFL, ::fcntl(native, F_GETFL) | O_NONBLOCK);
        const auto address = net::local_address(native);
        if (!address || ::sd_is_socket(native, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            return std::unexpected(base::Error{
                base::Fault::internal, std::make_error_code(std::errc::not_a_socket),
                fmt::format("descriptor {} of the service manager is not a listening TCP socket",
                            native)});
        inheritance.listeners.push_back({*address, std::move(socket), true});
    }
    return {};
}

void take(net::MessageSocket::Message& message, Inheritance& inheritance) {
    net::Words words(message.text);
    const auto verb = words.next();
    if (verb == "listener") {
        const auto address = words.address();
        if (address && message.descriptor)
            inheritance.listeners.push_back(
                {*address, std::move(message.descriptor), words.next() == "activated"});
    } else if (verb == "member") {
        const std::string pool(words.next());
        const std::string backend(words.next());
        const auto address = words.address();
        const auto weight = words.number<std::uint16_t>();
        const auto priority = words.number<std::uint16_t>();
        if (address && weight && priority)
            inheritance.members.push_back(
                {pool,
                 backend,
                 {*address, *weight, *priority},
                 pool::health_from(words.next()).value_or(pool::Health::unknown)});
    } else if (verb == "tuned") {
        const std::string pool(words.next());
        const std::string backend(words.next());
        const auto weight = words.number<std::uint32_t>();
        const auto max_sessions = words.number<std::uint32_t>();
        inheritance.tuned.push_back({pool, backend, {weight, max_sessions}});
    } else if (verb == "public") {
        const std::string name(words.next());
        if (const auto address = words.ip()) inheritance.public_names.push_back({name, *address});
    } else if (auto decision = decision_from(message.text)) {
        inheritance.decisions.push_back(std::move(*decision));
    }
}

/// What the process to be replaced gives.
base::Result<> take_over(int native, Inheritance& inheritance) {
    inheritance.link = base::OwnedFd(native);
    ::fcntl(native, F_SETFD, FD_CLOEXEC);
    auto escort = Escort::begin();
    if (!escort) return std::unexpected(escort.error());
    inheritance.escort = std::move(*escort);
    net::MessageSocket::send_now(inheritance.link, fmt::format("pid {}", ::getpid()));
    for (;;) {
        auto message = net::MessageSocket::receive(inheritance.link, patience);
        if (!message) return std::unexpected(message.error());
        if (message->text == last_word_of_inheritance) return {};
        take(*message, inheritance);
    }
}

}  // namespace

std::vector<base::Address> Inheritance::addresses() const {
    std::vector<base::Address> all;
    all.reserve(listeners.size());
    for (const auto& each : listeners) all.push_back(each.address);
    return all;
}

base::Result<Inheritance> inherit() {
    Inheritance inheritance;
    if (auto taken = take_activated(inheritance); !taken) return std::unexpected(taken.error());
    const char* const said = std::getenv(upgrade_variable);  // NOLINT: before the first thread
    if (said == nullptr) return inheritance;
    const auto native = base::parse_number<std::uint16_t>(said);
    ::unsetenv(upgrade_variable);  // NOLINT: likewise
    if (!native || ::fcntl(*native, F_GETFD) < 0)
        return std::unexpected(
            base::Error{base::Fault::internal, std::make_error_code(std::errc::invalid_argument),
                        fmt::format("{}={} is not a descriptor: it is only for `ballast upgrade`",
                                    upgrade_variable, said)});
    if (auto taken = take_over(*native, inheritance); !taken) return std::unexpected(taken.error());
    return inheritance;
}

std::string words_of(const Inheritance::Listener& listener) {
    return fmt::format("listener {}{}", base::to_string(listener.address),
                       listener.is_activated ? " activated" : "");
}

std::string words_of(const Inheritance::Decision& decision) {
    if (decision.pool.empty()) return fmt::format("balancer {}", pool::to_string(decision.state));
    return fmt::format("backend {} {} {}", decision.pool, decision.backend,
                       pool::to_string(decision.state));
}

std::string words_of(const Inheritance::Tuned& tuned) {
    const auto word = [](const std::optional<std::uint32_t>& value) {
        return value ? std::to_string(*value) : "-";
    };
    return fmt::format("tuned {} {} {} {}", tuned.pool, tuned.backend, word(tuned.tuning.weight),
                       word(tuned.tuning.max_sessions));
}

std::string words_of(const Inheritance::Member& member) {
    return fmt::format("member {} {} {} {} {} {}", member.pool, member.backend,
                       base::to_string(member.target.address), member.target.weight,
                       member.target.priority, pool::to_string(member.health));
}

std::string words_of(const Inheritance::PublicName& name) {
    return fmt::format("public {} {}", name.name, base::to_string(name.address));
}

std::optional<Inheritance::Decision> decision_from(std::string_view message) {
    net::Words words(message);
    const auto verb = words.next();
    if (verb != "balancer" && verb != "backend") return std::nullopt;
    Inheritance::Decision decision;
    if (verb == "backend") {
        decision.pool = words.next();
        decision.backend = words.next();
    }
    const auto state = pool::admin_state_from(words.next());
    if (!state) return std::nullopt;
    decision.state = *state;
    return decision;
}

void tell_failure(const base::OwnedFd& link, std::string_view reason) {
    if (link) net::MessageSocket::send_now(link, fmt::format("failed {}", reason));
}

void tell_failure(const base::OwnedFd& link, const std::vector<config::Problem>& problems,
                  const std::string& file) {
    for (const auto& problem : problems) {
        const auto text = config::to_string(problem, file);
        fmt::print(stderr, "{}\n", text);
        tell_failure(link, text);
    }
}

}  // namespace ballast::daemon
