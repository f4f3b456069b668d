// SPDX-License-Identifier: Apache-2.0
#include "relay/sink_watch.h"

#include "support/memory_stream.h"
#include "support/test_loop.h"

#include <gtest/gtest.h>
#include <system_error>

namespace ballast::relay {
namespace {

TEST(SinkWatch, looks_at_once_at_a_sink_that_is_not_new) {
    // Its end was read before and wakes nobody any more.
    support::TestLoop loop;
    auto [near, far] = support::MemoryStream::connect(loop, {}, {});
    (void)far->finish();
    loop.settle();
    for (const bool is_new : {false, true}) {
        SinkWatch watch(loop, *near, is_new);
        std::error_code error;
        EXPECT_TRUE(watch.look(error));
        watch.watch();
        EXPECT_EQ(watch.ask_at() == loop::never, is_new);
    }
}

}  // namespace
}  // namespace ballast::relay
