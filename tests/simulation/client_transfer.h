// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulation/chance.h"
#include "simulation/control.h"
#include "simulation/scene.h"
#include "support/data_peer.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace ballast::simulation {

/// One transfer of a client, with or without a mishap, and what the client can say about its end.
class ClientTransfer {
public:
    struct Owner {
        std::string name;
        base::Address address;
        support::DataPeer::Wrap tls;  ///< for data connections; empty: plain text
    };
    /// `number`: how many the client had before.
    ClientTransfer(Scene& scene, Control& control, Chance& chance, Owner owner, std::size_t number);

    /// Until its replies are there. The client may be gone then.
    [[nodiscard]] loop::Task<> run();

private:
    enum class Kind : std::uint8_t { listing, download, upload };
    enum class Mishap : std::uint8_t {
        none,
        abort,
        status,
        quits,
        never_connects,
        breaks_data,  ///< RST
        killed,       ///< both connections end, as the kernel does it
        lost,         ///< RST on the control connection
        half_closed,  ///< FIN on the control connection, then on that of the data
    };

    [[nodiscard]] Mishap draw_mishap();
    [[nodiscard]] loop::Task<bool> open_data();
    [[nodiscard]] loop::Task<bool> open_passive(std::string verb);
    [[nodiscard]] loop::Task<bool> open_active(std::string verb);
    [[nodiscard]] bool connect();
    [[nodiscard]] loop::Task<bool> restart();
    [[nodiscard]] std::string command();
    void give_others(const std::string& content);
    [[nodiscard]] loop::Task<> move();
    [[nodiscard]] loop::Task<> happen();
    [[nodiscard]] loop::Task<> hear_end();
    [[nodiscard]] loop::Task<> hear_all();
    void note_confirmed();

    // What the balancer must not do
    void judge();
    void judge_download();
    void judge_upload();
    void write_down();

    [[nodiscard]] bool is_gone() const;
    [[nodiscard]] bool is_stored_whole() const;

    Scene& scene_;
    Control& control_;
    Chance& chance_;
    const std::string client_;
    const base::Address from_;
    const support::DataPeer::Wrap tls_;
    std::uint16_t port_;  ///< the next of the client's own
    Kind kind_;
    Mishap mishap_;
    std::string name_;  ///< of the file
    Servers::Server* server_ = nullptr;
    std::uint64_t offset_ = 0;
    std::string expected_;       ///< what the receiver shall get
    std::string other_;          ///< what it may get instead: another server has another file
    std::uint16_t passive_ = 0;  ///< the balancer's port, until it is connected to
    std::unique_ptr<support::DataPeer> data_;
    bool is_sent_ = false;      ///< the command
    std::optional<int> final_;  ///< the code of the final reply, if it is known
    bool has_ended_data_ = false;
};

}  // namespace ballast::simulation
