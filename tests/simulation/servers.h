// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulation/chance.h"
#include "simulation/trace.h"
#include "support/fake_backend.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::simulation {

/// The FTP servers behind the balancer: some behave, others are slow, refuse, lie or die.
class Servers {
public:
    struct Server {
        std::string name;  ///< as the pool calls it, unique in a life
        std::size_t pool;
        std::unique_ptr<support::FakeBackend> backend;
        bool confirms_early = false;  ///< its 226 comes before the data
    };

    /// `each` servers for each pool. The largest file has `bytes_max`. `are_alike`: those of one
    /// pool hold the same files, so sessions may go on with another one.
    Servers(support::MemoryNetwork& network, Trace& trace, std::uint64_t seed, std::size_t pools,
            std::size_t each, std::size_t bytes_max, bool are_alike);

    [[nodiscard]] std::vector<Server>& all() { return servers_; }
    [[nodiscard]] bool are_alike() const { return are_alike_; }
    /// Null: there is none of this name.
    [[nodiscard]] Server* find(std::string_view name);
    /// One of them gets another character, dies, is closed or comes back.
    void change();

private:
    void give_character(Server& server);
    void give_faults(Server& server);

    support::MemoryNetwork& network_;
    Trace& trace_;
    Chance chance_;
    const std::size_t bytes_max_;
    const bool are_alike_;
    std::vector<Server> servers_;
};

}  // namespace ballast::simulation
