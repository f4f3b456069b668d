// SPDX-License-Identifier: Apache-2.0
#include "net/port_borrower.h"

#include "metrics/counters.h"
#include "net/port_words.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::net {

void PortBorrower::post(std::string message) {
    control_.post([self = shared_from_this(), message = std::move(message)]() mutable {
        self->send(std::move(message));
    });
}

void PortBorrower::send(std::string message) {
    if (is_lost_) return;
    if (is_handed_over_)
        send_(std::move(message));
    else
        held_.push_back(std::move(message));
}

void PortBorrower::lend(const Request& request, Answer answer) {
    auto message = fmt::format("lend {} {} {} {} {} {}", request.id, base::to_string(request.local),
                               base::to_string(request.range), words_of(request.peers),
                               request.holder, std::to_underlying(request.binding));
    control_.post([self = shared_from_this(), id = request.id, message = std::move(message),
                   answer = std::move(answer)]() mutable {
        if (self->is_lost_) return answer(std::nullopt);
        self->asked_[id] = std::move(answer);
        self->send(std::move(message));
    });
}

void PortBorrower::keep(LeaseId id, loop::Time until) {
    post(fmt::format("keep {} {}", id, words_of(until, control_.now())));
}

void PortBorrower::give_back(LeaseId id) { post(fmt::format("back {}", id)); }

void PortBorrower::admit(LeaseId id, const Admissions::Range& range, const base::Ip& client) {
    post(fmt::format("admit {} {} {} {}", id, base::to_string(range.local),
                     base::to_string(range.ports), base::to_string(client)));
}

void PortBorrower::dismiss(LeaseId id) { post(fmt::format("dismiss {}", id)); }

void PortBorrower::hand_over(const PassivePorts::HandedOver& all) {
    const auto now = control_.now();
    for (const auto& each : all.pending)
        send_(fmt::format("waiting {} {} {} {} {} {:d} {}", each.id,
                          base::to_string(each.key.local), each.key.port, words_of(each.peers),
                          each.holder, each.is_quarantine, words_of(each.until, now)));
    for (const auto& each : all.standing)
        send_(fmt::format("admit {} {} {} {}", each.id, base::to_string(each.range.local),
                          base::to_string(each.range.ports), base::to_string(each.client)));
    is_handed_over_ = true;
    for (auto& message : std::exchange(held_, {})) send_(std::move(message));
}

void PortBorrower::answer(LeaseId id, std::optional<Granted> granted) {
    auto asked = asked_.extract(id);
    if (!asked.empty()) asked.mapped()(granted);
}

bool PortBorrower::take(std::string_view message, base::OwnedFd& descriptor) {
    Words words(message);
    const auto verb = words.next();
    if (verb == "lent") {
        const auto id = words.number<LeaseId>();
        const auto port = words.number<std::uint16_t>();
        const auto holder = words.number<LeaseId>();
        if (id && port && holder) answer(*id, Granted{*port, *holder});
        return true;
    }
    if (verb == "none") {
        if (const auto id = words.number<LeaseId>()) answer(*id, std::nullopt);
        return true;
    }
    if (verb != "arrived") return false;
    const auto id = words.number<LeaseId>();
    const auto local = words.address();
    const auto peer = words.address();
    if (!id || !local || !peer || !descriptor) return true;
    if (const auto taker = ports_.arrived_elsewhere(*id))
        workers_.at(taker->worker)->hand(taker->id, std::move(descriptor), *local, *peer);
    else
        metrics::count(metrics::Counter::data_connections_stray);
    return true;
}

void PortBorrower::lose() {
    is_lost_ = true;
    held_.clear();
    for (auto& [id, answer] : std::exchange(asked_, {})) answer(std::nullopt);
}

}  // namespace ballast::net
