// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "net/tls_client.h"
#include "simulation/chance.h"
#include "simulation/control.h"
#include "simulation/scene.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ballast::simulation {

/// One client's life, drawn at random: it comes, logs in, moves files, and leaves in one of many
/// ways. It complains about everything that a balancer must not do to it.
class Client {
public:
    /// `scene` must outlive it.
    Client(Scene& scene, std::size_t number, std::uint64_t seed);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void start() { job_ = loop::Job::start(live()); }
    [[nodiscard]] bool is_done() const { return job_.is_done(); }

private:
    [[nodiscard]] loop::Task<> live();
    [[nodiscard]] loop::Task<bool> enter();
    [[nodiscard]] loop::Task<bool> secure();
    [[nodiscard]] support::DataPeer::Wrap data_tls();
    [[nodiscard]] loop::Task<bool> log_in();
    [[nodiscard]] loop::Task<int> say_password(bool is_right);
    [[nodiscard]] loop::Task<> step();
    [[nodiscard]] bool may_be_given_up(int code) const;
    [[nodiscard]] loop::Task<> stay_in_step();
    [[nodiscard]] loop::Task<> pipeline();
    [[nodiscard]] loop::Task<> leave();

    Scene& scene_;
    const std::string name_;
    Chance chance_;
    const base::Address address_;
    const std::string directory_;
    Control control_;
    std::shared_ptr<const net::TlsClient> tls_;  ///< null: in plain text
    net::TlsTickets tickets_;
    std::size_t files_ = 0;
    loop::Job job_;
};

}  // namespace ballast::simulation
