// SPDX-License-Identifier: Apache-2.0
#include "session/transfer_end.h"

#include <gtest/gtest.h>

namespace ballast::session {
namespace {

using Data = EndState::Data;
using Final = EndState::Final;

struct Row {
    Data data;
    Final final_reply;
    bool is_begun;
    Ending ending;
};

constexpr Row table[] = {
    {Data::pending, Final::none, false, Ending::not_yet},
    {Data::pending, Final::none, true, Ending::not_yet},
    {Data::pending, Final::positive, false, Ending::not_yet},
    {Data::pending, Final::positive, true, Ending::not_yet},
    {Data::pending, Final::negative, false, Ending::refused},
    {Data::pending, Final::negative, true, Ending::failed_by_backend},
    {Data::pending, Final::missing, false, Ending::failed},
    {Data::pending, Final::missing, true, Ending::failed},
    {Data::whole, Final::none, false, Ending::not_yet},
    {Data::whole, Final::none, true, Ending::not_yet},
    {Data::whole, Final::positive, false, Ending::whole},
    {Data::whole, Final::positive, true, Ending::whole},
    {Data::whole, Final::negative, false, Ending::refused},
    {Data::whole, Final::negative, true, Ending::failed_by_backend},
    {Data::whole, Final::missing, false, Ending::failed},
    {Data::whole, Final::missing, true, Ending::failed},
    {Data::broken, Final::none, false, Ending::not_yet},
    {Data::broken, Final::none, true, Ending::not_yet},
    {Data::broken, Final::positive, false, Ending::failed},
    {Data::broken, Final::positive, true, Ending::failed},
    {Data::broken, Final::negative, false, Ending::failed_by_backend},
    {Data::broken, Final::negative, true, Ending::failed_by_backend},
    {Data::broken, Final::missing, false, Ending::failed},
    {Data::broken, Final::missing, true, Ending::failed},
};

TEST(TransferEnd, is_decided_from_the_data_the_final_reply_and_the_beginning) {
    for (const auto& row : table)
        EXPECT_EQ(ending_of({row.data, row.final_reply, row.is_begun}), row.ending)
            << "data " << static_cast<int>(row.data) << ", final reply "
            << static_cast<int>(row.final_reply) << ", begun " << row.is_begun;
}

TEST(TransferEnd, is_whole_only_if_the_data_ended_properly_and_the_backend_said_2xx) {
    for (const auto& row : table) {
        const bool promised = row.data == Data::whole && row.final_reply == Final::positive;
        EXPECT_EQ(ending_of({row.data, row.final_reply, row.is_begun}) == Ending::whole, promised);
    }
}

}  // namespace
}  // namespace ballast::session
