// SPDX-License-Identifier: Apache-2.0
#include "session/answers.h"

namespace ballast::session {

loop::Task<> Answers::tell(ftp::Reply reply) {
    if (client_is_lost_) co_return;
    if (reply.code == 421) service_is_over_ = true;
    // The client may be waiting for this reply. Then its connection will never report an end.
    if (!co_await client_.send(reply)) client_is_lost_ = true;
}

}  // namespace ballast::session
