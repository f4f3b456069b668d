// SPDX-License-Identifier: Apache-2.0
#include "ftp/features.h"

#include "demand.h"
#include "ftp/reply.h"

#include <cstdint>

namespace {

using ballast::ftp::Features;

Features written_and_read(const Features& features) {
    return Features::parse(
        ballast::ftp::make_reply(211, "Features:", features.to_lines(), "End").text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto features = Features::parse(input);
    demand(written_and_read(features) == features);
    demand(features.empty() == features.to_lines().empty());
    (void)features.has_rest_stream();

    // Two replies: one has the input as its inner lines, the other has the input's second half.
    const auto inner = [](std::string_view lines) {
        return Features::parse("211-\r\n" + std::string(lines) + "\r\n211 End\r\n");
    };
    const auto ours = inner(input);
    const auto theirs = inner(input.substr(size / 2));
    const auto both = ours.intersect(theirs);
    demand(both.intersect(ours) == both);
    demand(both.intersect(theirs) == both);
    demand(written_and_read(ours) == ours);
    demand(written_and_read(both) == both);
    demand(!both.has_rest_stream() || (ours.has_rest_stream() && theirs.has_rest_stream()));

    Features added;
    added.add(input.substr(0, size / 2), input.substr(size / 2));
    const auto lines = added.to_lines();
    demand(lines.find('\n') + 1 == lines.size());
    return 0;
}
