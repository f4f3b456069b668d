// SPDX-License-Identifier: Apache-2.0
#include "nat/batch.h"

#include <cstring>

// After the standard headers, which it needs.
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>

namespace ballast::nat {

namespace {

/// More than any of our messages needs.
constexpr std::size_t room_for_one = 4096;

}  // namespace

Batch::Batch(std::uint32_t& sequence) : sequence_(sequence), begun_(++sequence_) {
    place([this](char* at) { nftnl_batch_begin(at, begun_); });
}

nlmsghdr* Batch::at(std::size_t offset) {
    return reinterpret_cast<nlmsghdr*>(bytes_.data() + offset);  // NOLINT: netlink's way
}

void Batch::place(const std::function<void(char*)>& build) {
    bytes_.resize(used_ + room_for_one);
    build(bytes_.data() + used_);
    used_ += NLMSG_ALIGN(at(used_)->nlmsg_len);
}

void Batch::add(std::uint16_t type, std::uint16_t flags,
                const std::function<void(nlmsghdr*)>& build) {
    last_ = used_;
    place([&](char* at) {
        build(nftnl_nlmsg_build_hdr(at, type, NFPROTO_INET, flags, ++sequence_));
    });
}

void Batch::end() {
    auto* const last = at(last_);
    last->nlmsg_flags |= NLM_F_ACK;
    awaited_ = last->nlmsg_seq;
    place([this](char* at) { nftnl_batch_end(at, ++sequence_); });
}

bool Batch::hear(std::span<const char> messages, std::uint32_t port) {
    auto left = static_cast<int>(messages.size());
    const auto* header = reinterpret_cast<const nlmsghdr*>(messages.data());  // NOLINT
    for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
        const auto number = header->nlmsg_seq;
        // The numbers may wrap.
        const bool is_ours = header->nlmsg_pid == port && number - begun_ <= awaited_ - begun_;
        if (header->nlmsg_type != NLMSG_ERROR || !is_ours ||
            mnl_nlmsg_get_payload_len(header) < sizeof(nlmsgerr))
            continue;
        const auto error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error;
        if (error != 0 && !refusal_) refusal_ = {-error, std::generic_category()};
        if (number == awaited_ || (number == begun_ && error != 0)) return true;
    }
    return false;
}

}  // namespace ballast::nat
