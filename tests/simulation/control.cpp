// SPDX-License-Identifier: Apache-2.0
#include "simulation/control.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <utility>

namespace ballast::simulation {

Control::Control(Scene& scene, std::string name)
    : scene_(scene),
      name_(std::move(name)),
      signal_(scene.loop),
      sleeper_(scene.loop),
      peer_(scene.loop) {
    peer_.at_change = [this] { signal_.raise(); };
}

bool Control::connect(const base::Address& from) {
    auto stream = scene_.network.connect(from, scene_.balancer.address());
    if (!stream) return false;
    peer_.take(std::move(stream));
    return true;
}

void Control::send(std::string_view line) {
    scene_.trace.note(name_, fmt::format("> {}", line));
    peer_.send(std::string(line) + "\r\n");
}

void Control::parse() {
    for (;;) {
        auto step = parser_.next(std::string_view(peer_.received()).substr(parsed_));
        parsed_ += step.consumed;
        if (!step.reply) return;
        if (!*step.reply) {
            ADD_FAILURE() << name_ << " got no FTP reply: " << peer_.received();
            return;
        }
        scene_.trace.note(name_,
                          fmt::format("< {} {}", (*step.reply)->code, (*step.reply)->message()));
        replies_.push_back(std::move(**step.reply));
    }
}

loop::Task<std::optional<ftp::Reply>> Control::reply_until(loop::Deadline deadline) {
    for (;;) {
        parse();
        if (!replies_.empty()) {
            auto first = std::move(replies_.front());
            replies_.pop_front();
            co_return first;
        }
        if (!is_open() || scene_.loop.now() >= deadline) co_return std::nullopt;
        (void)co_await signal_.wait(deadline);
    }
}

loop::Task<std::optional<ftp::Reply>> Control::reply() {
    auto next = co_await reply_until(scene_.loop.after(patience));
    if (!next && is_open()) {
        ADD_FAILURE() << name_ << " waits in vain for a reply";
        reset();
    }
    co_return next;
}

loop::Task<int> Control::ask(std::string line) {
    send(line);
    const auto answer = co_await reply();
    co_return answer ? answer->code : 0;
}

loop::Task<bool> Control::begin_tls(support::DataPeer::Wrap wrap) {
    peer_.begin_tls(std::move(wrap));
    const auto deadline = scene_.loop.after(patience);
    while (is_open() && peer_.tls() == nullptr && scene_.loop.now() < deadline)
        (void)co_await signal_.wait(deadline);
    co_return peer_.tls() != nullptr;
}

loop::Task<> Control::rest(loop::Time::duration time) {
    if (time > loop::Time::duration::zero()) (void)co_await sleeper_.wait(scene_.loop.after(time));
}

bool Control::has_unasked_reply() {
    parse();
    return !replies_.empty() && replies_.front().code != 421;
}

}  // namespace ballast::simulation
