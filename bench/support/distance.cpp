// SPDX-License-Identifier: Apache-2.0
#include "support/distance.h"

#include "support/trouble.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace ballast::bench {

namespace {

using Clock = std::chrono::steady_clock;

ifreq request_of_interface() {
    ifreq request{};
    std::strncpy(request.ifr_name, "distance", IFNAMSIZ - 1);
    return request;
}

/// An interface whose network is `Distance::beside` and 255 others.
Socket new_interface() {
    Socket tun(check(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), "/dev/net/tun"));
    ifreq request = request_of_interface();
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    check(::ioctl(tun.get(), TUNSETIFF, &request), "TUNSETIFF");

    const Socket any(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    const auto set_address = [&](unsigned long what, std::uint32_t bits) {
        request = request_of_interface();
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(bits);
        std::memcpy(&request.ifr_addr, &address, sizeof(address));
        check(::ioctl(any.get(), what, &request), "an interface's address");
    };
    set_address(SIOCSIFADDR, Distance::beside.bits());
    set_address(SIOCSIFNETMASK, 0xffffff00U);
    request = request_of_interface();
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    check(::ioctl(any.get(), SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
    request = request_of_interface();
    // Packets on their way are held here, not lost there.
    request.ifr_qlen = 10'000;
    check(::ioctl(any.get(), SIOCSIFTXQLEN, &request), "SIOCSIFTXQLEN");
    return tun;
}

struct Packet {
    Clock::time_point due;
    std::vector<char> bytes;
};

/// RFC 791 3.1: source at byte 12, destination at byte 16. No checksum changes: each is a sum.
void exchange_addresses(std::vector<char>& packet) {
    std::swap_ranges(packet.begin() + 12, packet.begin() + 16, packet.begin() + 16);
}

[[noreturn]] void hold_packets(const Socket& tun, std::chrono::microseconds way) {
    std::deque<Packet> held;
    std::array<char, 65536> space;  // NOLINT: filled by read
    for (;;) {
        for (ssize_t got = 0; (got = ::read(tun.get(), space.data(), space.size())) > 0;) {
            constexpr ssize_t header_bytes = 20;
            const bool is_ipv4 = got >= header_bytes && (space[0] >> 4) == 4;
            if (is_ipv4) held.push_back({Clock::now() + way, {space.data(), space.data() + got}});
        }
        while (!held.empty() && held.front().due <= Clock::now()) {
            auto& bytes = held.front().bytes;
            exchange_addresses(bytes);
            check(::write(tun.get(), bytes.data(), bytes.size()), "write");
            held.pop_front();
        }
        timespec time{};
        if (!held.empty()) {
            const auto left = std::max(held.front().due - Clock::now(), Clock::duration(0));
            time.tv_nsec = std::chrono::nanoseconds(left).count();
        }
        pollfd event{.fd = tun.get(), .events = POLLIN, .revents = 0};
        ::ppoll(&event, 1, held.empty() ? nullptr : &time, nullptr);
    }
}

/// The interface lives as long as the child.
Child start_holding(std::chrono::microseconds way) {
    const Socket tun = new_interface();
    return Child::forked("distance", [&] { hold_packets(tun, way); });
}

}  // namespace

Distance::Distance(std::chrono::microseconds round_trip)
    : process_(start_holding(round_trip / 2)) {}

}  // namespace ballast::bench
