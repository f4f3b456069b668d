// SPDX-License-Identifier: Apache-2.0
#include "net/network.h"

namespace ballast::net {

loop::Task<base::Result<std::unique_ptr<Stream>>> Network::dial(Dial dial,
                                                                loop::Deadline deadline) {
    loop::Signal own(loop());
    co_return co_await this->dial(dial, deadline, own, {});
}

}  // namespace ballast::net
