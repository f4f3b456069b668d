// SPDX-License-Identifier: Apache-2.0
#include "net/port_lender.h"

#include "net/port_words.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::net {

namespace {

/// Marks the holders that this process has named. The other process has its own from before.
constexpr PassivePorts::LeaseId named_here = PassivePorts::LeaseId{1} << 62;

}  // namespace

PortLender::~PortLender() { *is_here_ = false; }

void PortLender::hand(std::uint64_t id, base::OwnedFd socket, const base::Address& local,
                      const base::Address& peer) {
    network_.loop().post(
        [this, is_here = is_here_, id, socket = std::move(socket), local, peer]() mutable {
            if (*is_here) pass_on(id, std::move(socket), local, peer);
        });
}

void PortLender::pass_on(LeaseId here, base::OwnedFd socket, const base::Address& local,
                         const base::Address& peer) {
    const auto found = there_.find(here);
    if (found == there_.end()) return;
    const auto there = found->second;
    send_(fmt::format("arrived {} {} {}", there, base::to_string(local), base::to_string(peer)),
          std::move(socket));
    // An admission stands. How many of its connections are open, only the other process knows.
    if (const auto admitted = admitted_.find(there); admitted != admitted_.end()) {
        *admitted->second.share = 0;
        return;
    }
    lent_.erase(there);
    there_.erase(found);
}

void PortLender::note(LeaseId there, Lent lent) {
    there_[lent.here] = there;
    lent_[there] = lent;
}

void PortLender::lend(LeaseId there, const LendRequest& request) {
    std::erase_if(jobs_, [](const loop::Job& job) { return job.has_ended(); });
    jobs_.push_back(loop::Job::start(lend_later(there, request)));
}

/// 0 for a session that has borrowed nothing yet.
PortLender::LeaseId PortLender::holder_here(LeaseId theirs) const {
    const auto found = holders_.find(theirs);
    return found == holders_.end() ? 0 : found->second;
}

loop::Task<> PortLender::lend_later(LeaseId there, LendRequest request) {
    const auto theirs = request.holder != 0 ? request.holder : ++last_holder_ | named_here;
    request.holder = holder_here(theirs);
    const auto lent = co_await network_.obtain(request, index_);
    if (!lent) co_return send_(fmt::format("none {}", there), {});
    holders_[theirs] = lent->holder;
    note(there, {lent->id, {request.local, lent->port}, request.peers.address});
    send_(fmt::format("lent {} {} {}", there, lent->port, theirs), {});
}

void PortLender::admit(LeaseId there, const Admissions::Range& range, const base::Ip& client) {
    const auto admitted = ports_.admit(range, client, index_, network_.loop().now());
    network_.listen_on_all(admitted.needs_listening, {range, client, Binding::free});
    there_[admitted.id] = there;
    admitted_[there] = {admitted.id, range, client, admitted.share};
}

void PortLender::give_back(LeaseId there) {
    const auto lent = lent_.extract(there);
    if (lent.empty()) return;
    const auto& [here, key, client] = lent.mapped();
    there_.erase(here);
    ports_.give_back(key, client, here, network_.loop().now());
}

void PortLender::dismiss(LeaseId there) {
    const auto admitted = admitted_.extract(there);
    if (admitted.empty()) return;
    there_.erase(admitted.mapped().here);
    ports_.dismiss(admitted.mapped().range, admitted.mapped().client, admitted.mapped().here);
}

bool PortLender::take(std::string_view message) {
    Words words(message);
    const auto verb = words.next();
    const bool is_ours = verb == "lend" || verb == "waiting" || verb == "keep" || verb == "back" ||
                         verb == "admit" || verb == "dismiss";
    if (!is_ours) return false;
    const auto now = network_.loop().now();
    const auto id = words.number<LeaseId>();
    if (!id) return true;
    if (verb == "back") {
        give_back(*id);
    } else if (verb == "dismiss") {
        dismiss(*id);
    } else if (verb == "keep") {
        const auto until = words.time(now);
        const auto lent = lent_.find(*id);
        if (until && lent != lent_.end())
            ports_.keep(lent->second.key, lent->second.client, lent->second.here, *until);
    } else if (verb == "admit") {
        const auto local = words.ip();
        const auto range = words.range();
        const auto client = words.ip();
        if (local && range && client) admit(*id, {*range, *local}, *client);
    } else if (verb == "lend") {
        const auto local = words.ip();
        const auto range = words.range();
        const auto peers = words.peers();
        const auto holder = words.number<LeaseId>();
        const auto binding = words.number<std::uint8_t>();
        if (local && range && peers && holder && binding &&
            *binding <= std::to_underlying(Binding::transparent))
            lend(*id, {*range, *local, *peers, *holder, Binding{*binding}});
    } else {
        const auto local = words.ip();
        const auto port = words.number<std::uint16_t>();
        const auto peers = words.peers();
        const auto holder = words.number<LeaseId>();
        const auto is_quarantine = words.number<std::uint8_t>();
        const auto until = words.time(now);
        if (!local || !port || !peers || !holder || !is_quarantine || !until) return true;
        const PassivePorts::Pending pending{.key = {*local, *port},
                                            .peers = *peers,
                                            .holder = holder_here(*holder),
                                            .is_quarantine = *is_quarantine != 0,
                                            .until = *until};
        const auto here = ports_.adopt(pending, index_);
        holders_.try_emplace(*holder, here);
        note(*id, {here, pending.key, peers->address});
    }
    return true;
}

void PortLender::lose() {
    jobs_.clear();
    const auto now = network_.loop().now();
    for (const auto& [there, lent] : std::exchange(lent_, {}))
        ports_.give_back(lent.key, lent.client, lent.here, now);
    for (const auto& [there, admitted] : std::exchange(admitted_, {}))
        ports_.dismiss(admitted.range, admitted.client, admitted.here);
    there_.clear();
    holders_.clear();
}

}  // namespace ballast::net
