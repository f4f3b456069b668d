// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include "base/shortage.h"

namespace ballast::net {

loop::Task<base::Result<>> write_all(Stream& stream, loop::Signal& signal, std::string_view bytes,
                                     base::Fault fault, loop::Deadline deadline,
                                     Interrupt interrupt) {
    while (!bytes.empty()) {
        const Io io = stream.write(bytes);
        if (io.state == Io::State::moved) {
            bytes.remove_prefix(io.bytes);
        } else if (io.state == Io::State::would_block) {
            stream.watch_writable();
            if (interrupt && interrupt())
                co_return std::unexpected(base::Error{
                    fault, std::make_error_code(std::errc::operation_canceled), "sending"});
            if (!co_await signal.wait(deadline))
                co_return std::unexpected(
                    base::Error{fault, std::make_error_code(std::errc::timed_out), "sending"});
        } else {
            co_return std::unexpected(
                base::Error{base::fault_of(io.error, fault), io.error, "sending"});
        }
    }
    co_return base::Result<>{};
}

}  // namespace ballast::net
