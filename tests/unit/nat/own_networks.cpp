// SPDX-License-Identifier: Apache-2.0
#include "own_networks.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>

// After sys/socket.h, which they need.
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace ballast::nat {

namespace {

void demand(bool is_done, std::string_view what) {
    if (!is_done) throw std::system_error(errno, std::generic_category(), std::string(what));
}

void write_file(const std::string& file, std::string_view text) {
    const base::OwnedFd opened(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    demand(opened &&
               ::write(opened.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
           file);
}

/// A user without rights gets them in a namespace of users.
void become_root() {
    static bool is_done = false;
    if (std::exchange(is_done, true) || ::geteuid() == 0) return;
    const auto user = ::geteuid();
    const auto group = ::getegid();
    demand(::unshare(CLONE_NEWUSER) == 0, "unshare(CLONE_NEWUSER)");
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", fmt::format("0 {} 1", user));
    write_file("/proc/self/gid_map", fmt::format("0 {} 1", group));
}

void enter_new() { demand(::unshare(CLONE_NEWNET) == 0, "unshare(CLONE_NEWNET)"); }

base::OwnedFd present() {
    base::OwnedFd opened(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    demand(static_cast<bool>(opened), "opening a network");
    return opened;
}

void run_ip(const std::string& lines) {
    if (!run("printf '" + lines + "' | ip -batch -"))
        throw std::runtime_error("ip failed at one of:\n" + lines);
}

socklen_t put(const base::Address& address, sockaddr_storage& storage) {
    std::memset(&storage, 0, sizeof storage);
    const auto& bytes = address.ip.bytes();
    if (address.ip.is_v4()) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        std::memcpy(&v4.sin_addr, bytes.data(), sizeof v4.sin_addr);
        return sizeof v4;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, bytes.data(), sizeof v6.sin6_addr);
    return sizeof v6;
}

base::Address address_of(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
        std::array<std::uint8_t, 4> bytes{};
        std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
        return {base::Ip::from_v4(bytes), ntohs(v4.sin_port)};
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return {base::Ip::from_v6(bytes), ntohs(v6.sin6_port)};
}

/// Whose waits end.
base::OwnedFd new_socket(const base::Ip& ip) {
    base::OwnedFd socket(::socket(ip.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    demand(static_cast<bool>(socket), "socket");
    constexpr timeval patience{.tv_sec = 20, .tv_usec = 0};
    constexpr int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return socket;
}

void bind_to(const base::OwnedFd& socket, const base::Address& address) {
    sockaddr_storage storage;
    const auto size = put(address, storage);
    demand(::bind(socket.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0, "bind");
}

base::Ip ip(const char* text) { return *base::Ip::parse(text); }

}  // namespace

bool run(const std::string& line) { return std::system((line + " 2>/dev/null").c_str()) == 0; }

const OwnNetworks::Ends& OwnNetworks::ends(base::Family family) {
    static const Ends v4{ip("192.0.2.2"), ip("192.0.2.3"), ip("192.0.2.1"), ip("198.51.100.1"),
                         ip("198.51.100.11")};
    static const Ends v6{ip("2001:db8:1::2"), ip("2001:db8:1::3"), ip("2001:db8:1::1"),
                         ip("2001:db8:2::1"), ip("2001:db8:2::11")};
    return family == base::Family::ipv4 ? v4 : v6;
}

OwnNetworks::OwnNetworks() {
    become_root();
    enter_new();
    field_ = present();
    enter_new();
    const auto configuration = [](bool is_balancer) {
        std::string lines = "link set lo up\nlink set cable up\n";
        for (const auto family : {base::Family::ipv4, base::Family::ipv6}) {
            const auto& all = ends(family);
            const auto ours = is_balancer ? std::vector{all.to_client, all.to_server}
                                          : std::vector{all.client, all.stranger, all.server};
            const auto* const rest = family == base::Family::ipv4 ? "24" : "64 nodad";
            for (const auto& each : ours)
                lines += fmt::format("address add dev cable {}/{}\n", base::to_string(each), rest);
        }
        return lines;
    };
    run_ip(fmt::format("link add cable type veth peer name cable netns /proc/{}/fd/{}\n{}",
                       ::getpid(), field_.get(), configuration(true)));
    out_there([&] { run_ip(configuration(false)); });
    write_file("/proc/sys/net/ipv4/ip_forward", "1");
    write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1");
}

void OwnNetworks::out_there(const std::function<void()>& work) const {
    std::exception_ptr problem;
    std::thread([&] {
        try {
            demand(::setns(field_.get(), CLONE_NEWNET) == 0, "setns");
            work();
        } catch (...) {
            problem = std::current_exception();
        }
    }).join();
    if (problem) std::rethrow_exception(problem);
}

base::OwnedFd listen_at(const base::Address& at) {
    auto socket = new_socket(at.ip);
    bind_to(socket, at);
    constexpr int backlog = 1000;
    demand(::listen(socket.get(), backlog) == 0, "listen");
    return socket;
}

base::OwnedFd OwnNetworks::listen_out_there(const base::Address& at) const {
    base::OwnedFd socket;
    out_there([&] { socket = listen_at(at); });
    return socket;
}

base::OwnedFd OwnNetworks::connect(const base::Ip& from, const base::Address& to) const {
    base::OwnedFd socket;
    out_there([&] { socket = new_socket(from); });
    bind_to(socket, {from, 0});
    sockaddr_storage storage;
    const auto size = put(to, storage);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) return {};
    return socket;
}

std::optional<Accepted> accept(const base::OwnedFd& listening) {
    sockaddr_storage from;
    socklen_t size = sizeof from;
    base::OwnedFd socket(
        ::accept4(listening.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC));
    if (!socket) return std::nullopt;
    return Accepted{std::move(socket), address_of(from)};
}

base::Address local_address(const base::OwnedFd& socket) {
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    demand(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size) == 0,
           "getsockname");
    return address_of(storage);
}

void send_all(const base::OwnedFd& socket, std::size_t bytes) {
    const std::string all(bytes, 'x');
    demand(
        ::send(socket.get(), all.data(), all.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes),
        "send");
}

std::size_t read_all(const base::OwnedFd& socket) {
    std::array<char, 65536> buffer;
    for (std::size_t sum = 0;;) {
        const auto got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got <= 0) return sum;
        sum += static_cast<std::size_t>(got);
    }
}

std::vector<std::string> tables() {
    std::vector<std::string> names;
    const std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket(
        mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC), &mnl_socket_close);
    demand(socket && mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) == 0, "netlink");
    std::array<char, 32768> buffer{};
    const auto* const question =
        nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_DUMP, 1);
    demand(mnl_socket_sendto(socket.get(), question, question->nlmsg_len) > 0, "asking");
    const auto take = [](const nlmsghdr* message, void* into) {
        auto* const table = nftnl_table_alloc();
        if (nftnl_table_nlmsg_parse(message, table) == 0)
            static_cast<std::vector<std::string>*>(into)->emplace_back(
                nftnl_table_get_str(table, NFTNL_TABLE_NAME));
        nftnl_table_free(table);
        return MNL_CB_OK;
    };
    for (;;) {
        const auto got = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
        demand(got > 0, "hearing");
        const auto heard = mnl_cb_run(buffer.data(), static_cast<std::size_t>(got), 1,
                                      mnl_socket_get_portid(socket.get()), take, &names);
        demand(heard >= 0, "hearing");
        if (heard == MNL_CB_STOP) return names;
    }
}

}  // namespace ballast::nat
