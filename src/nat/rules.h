// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "nat/batch.h"
#include "nat/maps.h"
#include "nat/way.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

struct mnl_socket;

namespace ballast::nat {

/// A table of nftables with a map for each direction of address and family, and rules that look
/// into them. The table is owned by this object's netlink socket: no other program can change
/// it, `flush ruleset` leaves it, and the kernel removes it with the socket, however the process
/// ends. Its name contains the socket's number, so several balancers on one machine do not meet.
/// One thread at a time.
class Rules {
public:
    /// How many data connections may be awaited at once, per family.
    static constexpr std::uint32_t ways_max = 65536;
    /// Makes the table with room for this many ways. The error says what the kernel lacks.
    [[nodiscard]] static base::Result<std::unique_ptr<Rules>> open(std::uint32_t room = ways_max);
    ~Rules();
    Rules(const Rules&) = delete;
    Rules& operator=(const Rules&) = delete;

    struct Change {
        Way way;
        bool adds = true;
        /// The kernel removes an element by itself after this time.
        std::chrono::milliseconds lifetime{0};
    };
    /// Sends the changes in batches; if the kernel refuses one, each of its changes alone. Returns
    /// an error for each change that was refused: what it should add is not there. Removing what is
    /// not there is no error.
    [[nodiscard]] std::vector<std::error_code> apply(std::span<const Change> changes);
    /// Removes all elements, for which this process needs no right: closes the socket, and opens
    /// another one with an empty table. Without that, `apply` refuses everything.
    [[nodiscard]] base::Result<> start_over();
    [[nodiscard]] bool is_ready() const { return !lack_; }
    /// Lets the kernel lead the connection's next packets past its other rules, from one card to
    /// the other. False: the connection stays as it is, for example because the kernel has no flow
    /// tables.
    [[nodiscard]] bool offload(const Ends& ends);
    /// It goes the usual way again, at the latest when it ends.
    void end_offload(const Ends& ends);
    /// There may be an element that should not be there: the kernel has not removed it, or has not
    /// said so.
    [[nodiscard]] bool is_in_doubt() const { return is_in_doubt_; }
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    struct Close {
        void operator()(mnl_socket* socket) const;
    };
    explicit Rules(std::uint32_t room) : room_(room) {}
    [[nodiscard]] std::error_code install();
    [[nodiscard]] std::error_code install_flow_table();
    void put(Batch& batch, const Change& change, const Element& element) const;
    [[nodiscard]] std::error_code add_alone(const Change& change);
    [[nodiscard]] std::error_code remove_alone(const Change& change);
    [[nodiscard]] std::error_code send(Batch& batch);

    const std::uint32_t room_;
    std::error_code lack_;  // why there is no table
    std::unique_ptr<mnl_socket, Close> socket_;
    std::string name_;
    std::uint32_t sequence_ = 0;
    bool is_in_doubt_ = false;
    bool has_flow_table_ = false;
};

}  // namespace ballast::nat
