// SPDX-License-Identifier: Apache-2.0
#include "session/transfer_terms.h"

#include <gtest/gtest.h>

namespace ballast::session {
namespace {

using base::Blame;
using Reason = TransferReason;
constexpr auto download = ftp::Direction::download;
constexpr auto upload = ftp::Direction::upload;

TEST(BlameOfATransfer, names_the_side_that_failed) {
    EXPECT_EQ(blame_of(Reason::client_broke, upload), Blame::client);
    EXPECT_EQ(blame_of(Reason::client_tls, download), Blame::client);
    EXPECT_EQ(blame_of(Reason::server_broke, download), Blame::backend);
    EXPECT_EQ(blame_of(Reason::reply_late, upload), Blame::backend);
    EXPECT_EQ(blame_of(Reason::server_disabled, download), Blame::configuration);
    EXPECT_EQ(blame_of(Reason::ended_by_operator, download), Blame::configuration);
}

TEST(BlameOfATransfer, is_the_networks_if_a_data_connection_does_not_come) {
    for (const auto reason :
         {Reason::client_missing, Reason::client_unreachable, Reason::server_missing})
        EXPECT_EQ(blame_of(reason, download), Blame::network) << to_string(reason);
}

TEST(BlameOfATransfer, is_the_senders_if_close_notify_is_missing) {
    EXPECT_EQ(blame_of(Reason::no_close_notify, upload), Blame::client);
    EXPECT_EQ(blame_of(Reason::no_close_notify, download), Blame::backend);
}

}  // namespace
}  // namespace ballast::session
