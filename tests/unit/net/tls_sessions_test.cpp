// SPDX-License-Identifier: Apache-2.0
#include "net/tls_sessions.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;
using Time = TlsSessions::Time;

const auto here = base::Address::parse("192.0.2.1:21").value();
const auto there = base::Address::parse("192.0.2.2:21").value();

TlsSessions::Kept session_of(const base::Address& server, Time verified_at = {}) {
    return {server, TlsSession(SSL_SESSION_new()), verified_at};
}

TEST(TlsSessions, give_the_newest_of_a_server_once) {
    TlsSessions sessions;
    auto older = session_of(here);
    auto newer = session_of(here);
    const auto* const first = newer.session.get();
    const auto* const second = older.session.get();
    sessions.keep(std::move(older));
    sessions.keep(std::move(newer));
    sessions.keep(session_of(there));
    EXPECT_EQ(sessions.take(here, {}).value().session.get(), first);
    EXPECT_EQ(sessions.take(here, {}).value().session.get(), second);
    EXPECT_FALSE(sessions.take(here, {}).has_value());
    EXPECT_TRUE(sessions.take(there, {}).has_value());
}

TEST(TlsSessions, are_given_until_the_certificate_was_verified_ten_minutes_ago) {
    TlsSessions sessions;
    sessions.keep(session_of(here, Time{1min}));
    sessions.keep(session_of(here, Time{2min}));
    EXPECT_EQ(sessions.take(here, Time{11min}).value().verified_at, Time{2min});
    EXPECT_FALSE(sessions.take(here, Time{11min}).has_value());
}

TEST(TlsSessions, are_few) {
    TlsSessions sessions;
    for (int i = 0; i < 100; ++i) sessions.keep(session_of(i < 90 ? here : there));
    int taken = 0;
    while (sessions.take(there, {})) ++taken;
    EXPECT_EQ(taken, 8);
    EXPECT_FALSE(sessions.take(here, {}).has_value());
}

}  // namespace
}  // namespace ballast::net
