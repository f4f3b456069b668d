// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/port_range.h"
#include "loop/loop.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

namespace ballast::net {

/// The data connections of one client address on one range of ports, whichever of its control
/// connections they belong to. Any thread.
struct DataTraffic {
    std::atomic<std::uint32_t> open = 0;
    std::atomic<loop::Time> ended_at = loop::Time();  ///< the last one
    /// When the first of its two sides ended: from then on its reply is due.
    std::atomic<loop::Time> end_began_at = loop::Time();
};

/// How many data connections one control connection was given and still has. Counted up here, and
/// set right by its owner whenever it looks. Any thread.
using DataShare = std::atomic<std::uint32_t>;

/// Which client addresses may open data connections on which ranges of ports, as often as they
/// like: where nobody can read on which port which transfer is expected. Several control
/// connections of one address take turns; one that has all it may have is skipped. Not for several
/// threads: part of `PassivePorts`.
class Admissions {
public:
    using Id = std::uint64_t;
    /// Data connections of one control connection at once. FTP needs one.
    static constexpr std::uint32_t open_max = 8;
    struct Range {
        base::PortRange ports;
        base::Ip local;
    };
    struct Taker {
        std::uint32_t worker = 0;
        Id id = 0;
    };

    struct Admitted {
        std::shared_ptr<DataTraffic> traffic;
        std::shared_ptr<DataShare> share;
    };
    Admitted admit(const Range& range, const base::Ip& client, const Taker& taker);
    void dismiss(const Range& range, const base::Ip& client, Id id);
    /// The taker whose turn it is; the connection counts as its own, even if all of them have as
    /// many as they may. Empty: this client is not admitted here.
    [[nodiscard]] std::optional<Taker> arrived(const base::Address& local, const base::Ip& client);

private:
    struct Place {
        Taker taker;
        std::shared_ptr<DataShare> share;
    };
    struct Guest {
        std::deque<Place> places;
        std::weak_ptr<DataTraffic> traffic;
    };
    struct Before {
        bool operator()(const Range& a, const Range& b) const {
            return std::tie(a.local, a.ports.first, a.ports.last) <
                   std::tie(b.local, b.ports.first, b.ports.last);
        }
    };
    std::map<Range, std::map<base::Ip, Guest>, Before> ranges_;
};

}  // namespace ballast::net
