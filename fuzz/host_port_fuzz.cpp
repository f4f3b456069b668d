// SPDX-License-Identifier: Apache-2.0
#include "ftp/host_port.h"

#include "demand.h"

#include <cstdint>

namespace {

/// "PORT x" or "EPRT x" without its verb.
std::string argument_of(const std::string& command) { return command.substr(5); }

void check(const ballast::base::Address& address) {
    using namespace ballast::ftp;
    demand(address.port != 0 && address.ip.scope() == 0);
    demand(parse_eprt(argument_of(format_eprt(address))) == address);
    demand(parse_passive_reply(format_epsv(address.port)) ==
           PassiveReply{std::nullopt, address.port});
    if (!address.ip.is_v4()) return;
    demand(parse_port(argument_of(format_port(address))) == address);
    demand(parse_passive_reply(format_pasv(address)) == PassiveReply{address.ip, address.port});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ballast::ftp;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (const auto address = parse_port(input)) {
        demand(address->ip.is_v4());
        check(*address);
        // A valid PORT is also found in a reply.
        demand(parse_passive_reply("227 (" + std::string(input) + ")\r\n") ==
               PassiveReply{address->ip, address->port});
    }
    if (const auto address = parse_eprt(input)) check(*address);
    if (const auto request = parse_epsv_argument(input)) demand(!request->all || !request->family);
    if (const auto passive = parse_passive_reply(input)) {
        demand(passive->port != 0);
        check({passive->ip.value_or(ballast::base::Ip()), passive->port});
    }
    return 0;
}
