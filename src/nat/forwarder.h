// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "loop/loop.h"
#include "nat/way.h"

#include <cstdint>
#include <memory>
#include <string>

namespace ballast::nat {

/// What is known of one data connection that the kernel carries.
struct Carried {
    enum class State : std::uint8_t {
        opening,      ///< the kernel has not answered yet
        refused,      ///< it does not carry this one, see `problem`
        open,         ///< it waits for the connection to be established
        connected,    ///< the connection is established
        half_closed,  ///< one end has closed it, and the other has taken all data
        closed,       ///< both ends have closed it, or one has reset it
        withdrawn,    ///< taken back, and no connection has used it
    };
    State state = State::opening;
    std::string problem;
    std::uint64_t sent = 0;  ///< bytes of data from the one who connected
    std::uint64_t received = 0;
    loop::Time moved_at{};    ///< when the bytes were seen to grow last; at first, when it began
    std::uint32_t looks = 0;  ///< how many `look`s have been answered
};

/// One way through the kernel, for one data connection. Belongs to the thread that asked for it.
/// Destroying it takes the way back, soon. A connection that uses it goes on by itself.
class Passage {
public:
    Passage() = default;
    virtual ~Passage() = default;
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;

    [[nodiscard]] virtual const Carried& carried() const = 0;
    [[nodiscard]] virtual const Way& way() const = 0;
    /// It does not expire while a transfer with its own deadline waits for the connection.
    virtual void keep() = 0;
    /// Takes the way back. While it is `open`, a connection may still come through.
    virtual void withdraw() = 0;
    /// Asks the kernel now. The signal is raised when `carried` is as it was then.
    virtual void look() = 0;
    /// Ends a running connection: both ends get a reset for what they send from now on.
    virtual void cut() = 0;
};

/// The kernel's forwarding of data connections, as sessions see it. Any thread may call.
class Forwarder {
public:
    Forwarder() = default;
    virtual ~Forwarder() = default;
    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;

    /// Whether this machine forwards packets of this family now.
    [[nodiscard]] virtual bool forwards(base::Family family) const = 0;
    /// The signal is raised when the passage's `carried` changes. It outlives the passage. A
    /// passage that is not kept expires after `passage_time`.
    [[nodiscard]] virtual std::unique_ptr<Passage> open(const Way& way, loop::Signal& signal) = 0;
};

/// The kernel's rule is there, or may be, and no connection is known to be established.
[[nodiscard]] inline bool may_lead(Carried::State state) {
    return state == Carried::State::opening || state == Carried::State::open;
}

/// A connection has used it.
[[nodiscard]] inline bool is_used(Carried::State state) {
    return state == Carried::State::connected || state == Carried::State::half_closed ||
           state == Carried::State::closed;
}

/// Less than a passive port is lent (`net::PassivePorts::lent_for`), so that nothing leads past the
/// port when others may have it.
inline constexpr auto passage_time = std::chrono::seconds(55);

}  // namespace ballast::nat
