// SPDX-License-Identifier: Apache-2.0
#include "session/answers.h"

#include <utility>

namespace ballast::session {

loop::Task<> Answers::tell(ftp::Reply reply) {
    if (client_is_lost_) co_return;
    if (reply.code == 421) service_is_over_ = true;
    if (held_) {
        reply.text.insert(0, held_->text);
        held_.reset();
        release_at_ = loop::never;
    } else if (hold_until_ && reply.is_preliminary()) {
        release_at_ = *hold_until_;
        held_ = std::move(reply);
        co_return;
    }
    // The client may be waiting for this reply. Then its connection will never report an end.
    if (!co_await client_.send(reply)) client_is_lost_ = true;
}

loop::Task<> Answers::release() {
    hold_until_.reset();
    release_at_ = loop::never;
    auto reply = std::exchange(held_, {});
    if (reply) co_await tell(std::move(*reply));
}

}  // namespace ballast::session
