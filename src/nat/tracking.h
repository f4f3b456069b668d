// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "nat/way.h"

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>

struct mnl_socket;
struct nf_conntrack;
struct nlmsghdr;  // NOLINT(readability-identifier-naming)

namespace ballast::nat {

/// What the kernel's connection tracking knows about one TCP connection.
struct Tracked {
    Ends ends;
    base::Address reaches;        ///< the other end, as rules have translated `ends.at`
    bool is_new = false;          ///< it begins now
    bool is_gone = false;         ///< the kernel has forgotten it
    bool is_established = false;  ///< each end has heard the other, now or earlier
    bool is_half_closed = false;  ///< one end has closed it, and the other knows
    bool is_closed = false;       ///< both ends have closed it, or one has reset it
    bool is_counted = false;      ///< the next two are known
    std::uint64_t sent = 0;       ///< bytes of data from the one who opened it
    std::uint64_t received = 0;
};

/// What a message of connection tracking says. Empty: not about a TCP connection.
[[nodiscard]] std::optional<Tracked> tracked(const nlmsghdr* message);

/// Connection tracking of this network namespace: news of TCP connections, questions about one, and
/// its removal. One thread at a time.
class Tracking {
public:
    /// For bursts of news. The kernel loses what does not fit, and says so.
    static constexpr int news_bytes_max = 8 * 1024 * 1024;
    /// The error says what the kernel lacks.
    [[nodiscard]] static base::Result<std::unique_ptr<Tracking>> open(
        int news_bytes = news_bytes_max);
    ~Tracking();
    Tracking(const Tracking&) = delete;
    Tracking& operator=(const Tracking&) = delete;

    using Take = std::function<void(const Tracked&)>;
    /// Readable when there is news.
    [[nodiscard]] int descriptor() const;
    /// Gives out all news that is there. False: the kernel had no room for some, which is lost.
    [[nodiscard]] bool read_news(const Take& take);
    /// Empty: the kernel does not know it. An error: it could not be asked.
    [[nodiscard]] std::expected<std::optional<Tracked>, std::error_code> ask(const Ends& ends);
    /// All TCP connections, of IPv4 and IPv6. False: perhaps not all.
    [[nodiscard]] bool ask_all(const Take& take);
    /// Forgets a connection: its packets are not translated any more, so each end that still sends
    /// gets a reset. False: it is in a flow table, and this kernel forgets none of those.
    bool forget(const Ends& ends);

private:
    struct Close {
        void operator()(mnl_socket* socket) const;
    };
    using Socket = std::unique_ptr<mnl_socket, Close>;
    Tracking(Socket news, Socket questions)
        : news_(std::move(news)), questions_(std::move(questions)) {}
    bool question(std::uint16_t type, std::uint16_t flags, const nf_conntrack* about,
                  std::uint8_t family, const Take& take);

    Socket news_;
    Socket questions_;
    std::uint32_t sequence_ = 0;
};

}  // namespace ballast::nat
