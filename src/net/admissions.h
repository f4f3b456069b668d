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
#include <vector>

namespace ballast::net {

/// The data connections of one client address on one range of ports, for all its control
/// connections. Any thread may use it.
struct DataTraffic {
    std::atomic<std::uint32_t> open = 0;
    std::atomic<loop::Time> ended_at = loop::Time();  ///< when the last one ended
    /// When the first of the two sides ended. From then on the reply is due.
    std::atomic<loop::Time> end_began_at = loop::Time();
};

/// How many data connections one control connection has. Incremented here; its owner corrects it
/// whenever it looks. Any thread may use it.
using DataShare = std::atomic<std::uint32_t>;

/// Which client addresses may open any number of data connections on which ranges of ports. For
/// control connections whose dialog cannot be read. Several control connections of one address take
/// turns; one at its limit is skipped. Not synchronized: part of `PassivePorts`.
class Admissions {
public:
    using Id = std::uint64_t;
    /// Concurrent data connections of one control connection. FTP needs one.
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
    /// One control connection's admission.
    struct Standing {
        Id id = 0;
        Range range;
        base::Ip client;
    };
    [[nodiscard]] std::vector<Standing> standing() const;
    /// The taker with this id, for a connection that arrived in another process. It counts as its
    /// own. Empty if there is none any more.
    [[nodiscard]] std::optional<Taker> arrived_elsewhere(Id id);
    /// Whether anyone is admitted there.
    [[nodiscard]] bool cover(const base::Address& local) const;
    /// The taker whose turn it is. The connection counts as its own, even if all takers are at
    /// their limit. Empty if this client is not admitted here.
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
