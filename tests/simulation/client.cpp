// SPDX-License-Identifier: Apache-2.0
#include "simulation/client.h"

#include "simulation/client_transfer.h"
#include "support/tls_ends.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ballast::simulation {

namespace {

using namespace std::chrono_literals;

/// Some clients share an address.
base::Address address_of(std::size_t number) {
    const auto host = number % 4 == 0 ? 10 : 11 + number;
    return {base::Ip::parse(fmt::format("198.51.100.{}", host)).value(),
            static_cast<std::uint16_t>(50'000 + 100 * number)};
}

}  // namespace

Client::Client(Scene& scene, std::size_t number, std::uint64_t seed)
    : scene_(scene),
      name_(fmt::format("c{}", number)),
      chance_(seed),
      address_(address_of(number)),
      directory_("/" + name_),
      control_(scene, name_) {}

loop::Task<> Client::live() {
    co_await control_.rest(chance_.moment(0ms, 60s));
    if (!co_await enter() || !co_await log_in()) co_return control_.vanish();
    const auto steps = 1 + chance_.below(5);
    for (std::uint64_t i = 0; i < steps && control_.is_open(); ++i) co_await step();
    if (control_.is_open()) co_await leave();
    control_.vanish();
}

loop::Task<bool> Client::enter() {
    if (!control_.connect(address_)) co_return false;
    if (chance_.percent(3)) {
        ++scene_.book.greeted.unsure;
        co_return false;
    }
    const auto greeting = co_await control_.reply();
    if (!greeting) ++scene_.book.greeted.unsure;
    if (greeting && greeting->code == 220) ++scene_.book.greeted.known;
    if (greeting) EXPECT_TRUE(greeting->code == 220 || greeting->code == 421) << greeting->text;
    if (!greeting || greeting->code != 220) co_return false;
    if (scene_.balancer.offers_tls() && chance_.percent(60)) co_return co_await secure();
    co_return true;
}

loop::Task<bool> Client::secure() {
    if (co_await control_.ask("AUTH TLS") != 234) co_return false;
    tls_ = support::make_tls_client();
    const bool is_secured = co_await control_.begin_tls([this](std::unique_ptr<net::Stream> plain) {
        return tls_->wrap_control(std::move(plain), tickets_, false);
    });
    if (!is_secured || co_await control_.ask("PBSZ 0") != 200) co_return false;
    co_return co_await control_.ask("PROT P") == 200;
}

support::DataPeer::Wrap Client::data_tls() {
    if (!tls_) return {};
    return [this](std::unique_ptr<net::Stream> plain) {
        return tls_->wrap_data(std::move(plain), tickets_, false);
    };
}

loop::Task<bool> Client::log_in() {
    for (int tries = 0; tries < 3 && control_.is_open(); ++tries) {
        if (chance_.percent(10)) co_await control_.rest(chance_.moment(0ms, 5s));
        const auto pool = chance_.percent(5) ? 9 : chance_.below(3);  // 9: no route
        const auto user_code = co_await control_.ask(fmt::format("USER u{}-{}", pool, name_));
        if (user_code == 0 || user_code == 421) co_return false;
        if (pool == 9) EXPECT_EQ(user_code, 530);
        if (user_code != 331) continue;
        if (chance_.percent(5)) co_return false;
        if (chance_.percent(10)) co_await control_.rest(chance_.moment(0ms, 20s));
        const bool is_right = chance_.percent(85);
        const auto code = co_await say_password(is_right);
        if (code == 230) co_return true;
        if (code == 421) co_return false;
    }
    co_return false;
}

loop::Task<int> Client::say_password(bool is_right) {
    const auto code = co_await control_.ask(is_right ? "PASS secret" : "PASS wrong");
    if (code == 0) ++scene_.book.logins.unsure;
    if (code == 230) ++scene_.book.logins.known;
    if (!is_right) EXPECT_NE(code, 230) << name_ << " got in with a wrong password";
    if (code != 230) co_return code;
    const auto moved = co_await control_.ask("CWD " + directory_);
    if (moved != 0 && moved != 421 && !may_be_given_up(moved)) EXPECT_EQ(moved, 250);
    co_return moved == 250 ? 230 : 421;
}

loop::Task<> Client::step() {
    if (control_.has_unasked_reply()) ADD_FAILURE() << name_ << " gets a reply without a command";
    switch (chance_.below(8)) {
        case 0: co_return co_await stay_in_step();
        case 1: co_return co_await pipeline();
        case 2: co_return co_await control_.rest(chance_.moment(0ms, 20s));
        default: {
            ClientTransfer transfer(scene_, control_, chance_, {name_, address_, data_tls()},
                                    files_++);
            co_await transfer.run();
            if (control_.is_open()) co_await stay_in_step();
        }
    }
}

/// Several backends in a row may be lost at one command.
bool Client::may_be_given_up(int code) const { return code == 451 && scene_.servers.are_alike(); }

/// The session's own directory: so the reply is neither another command's nor another client's.
loop::Task<> Client::stay_in_step() {
    control_.send("PWD");
    const auto said = co_await control_.reply();
    if (!said || said->code == 421 || may_be_given_up(said->code)) co_return;
    EXPECT_EQ(said->text, fmt::format("257 \"{}\" is the current directory.\r\n", directory_))
        << name_ << " is out of step";
}

loop::Task<> Client::pipeline() {
    control_.send("PWD\r\nTYPE I\r\nNOOP");
    for (const int expected : {257, 200, 200}) {
        const auto said = co_await control_.reply();
        if (!said || said->code == 421) co_return;
        if (may_be_given_up(said->code)) continue;
        EXPECT_EQ(said->code, expected) << name_ << " is out of step";
    }
}

loop::Task<> Client::leave() {
    const auto way = chance_.below(10);
    if (way == 0) co_return control_.vanish();
    if (way == 1) co_return control_.reset();
    if (way == 2) {
        control_.half_close();
        co_await control_.rest(5s);
        co_return control_.vanish();
    }
    if (way == 3) {  // stays until the balancer ends it
        const auto last = co_await control_.reply();
        if (last) EXPECT_EQ(last->code, 421) << name_ << " was idle";
        co_return;
    }
    const auto code = co_await control_.ask("QUIT");
    EXPECT_TRUE(code == 0 || code == 221 || code == 421) << code;
    const auto more = co_await control_.reply();
    if (code == 221 && more) ADD_FAILURE() << name_ << " hears " << more->text << "after 221";
}

}  // namespace ballast::simulation
