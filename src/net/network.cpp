// SPDX-License-Identifier: Apache-2.0
#include "net/network.h"

namespace ballast::net {

loop::Task<base::Result<std::unique_ptr<Stream>>> Network::dial(Dial dial,
                                                                loop::Deadline deadline) {
    loop::Signal own(loop());
    co_return co_await this->dial(dial, deadline, own, {});
}

base::Result<std::unique_ptr<Stream>> Network::dial_path(const std::string& path) {
    return std::unexpected(base::Error{base::Fault::internal,
                                       std::make_error_code(std::errc::operation_not_supported),
                                       "connecting to " + path});
}

}  // namespace ballast::net
