// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "nat/forwarder.h"
#include "nat/rules.h"
#include "nat/tracking.h"

#include <cstdint>
#include <memory>

namespace ballast::nat {

/// How much the kernel keeps for us.
struct Room {
    std::uint32_t ways = Rules::ways_max;
    int news_bytes = Tracking::news_bytes_max;
    bool is_trial = false;  ///< whether it could be opened: the machine's settings stay as they are
};

/// The forwarding of this machine's kernel: the rules, the connection tracking, and one thread that
/// speaks with both. Sessions hand their wishes to the thread, which takes all that have come
/// meanwhile in one batch. So a kernel that is slow to answer holds up no session.
class Gateway final : public Forwarder {
public:
    /// Makes the rules and begins to watch. Switches the counting of connection tracking on, unless
    /// it is a trial. The error says what is missing and how to get it.
    [[nodiscard]] static base::Result<std::unique_ptr<Gateway>> open(const Room& room = {});
    /// Takes the rules back. Passages may outlive it; they carry nothing any more.
    ~Gateway() override;
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    [[nodiscard]] bool forwards(base::Family family) const override;
    [[nodiscard]] std::unique_ptr<Passage> open(const Way& way, loop::Signal& signal) override;

private:
    class Desk;
    class Clerk;
    class OpenPassage;
    explicit Gateway(std::shared_ptr<Desk> desk, std::unique_ptr<Clerk> clerk);

    std::shared_ptr<Desk> desk_;
    std::unique_ptr<Clerk> clerk_;
};

/// Whether the machine forwards packets of this family: `net.ipv4.ip_forward`, or that of IPv6.
[[nodiscard]] bool machine_forwards(base::Family family);

}  // namespace ballast::nat
