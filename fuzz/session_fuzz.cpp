// SPDX-License-Identifier: Apache-2.0
// A whole session between a client and a backend that say and do what the input has: one step a
// line, a letter and what belongs to it. `~` in it is CRLF, a backquote LF alone, any other byte
// itself.
#include "ftp/host_port.h"
#include "ftp/reply.h"
#include "support/data_peer.h"
#include "support/world.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace ballast;
using std::string_view;
using support::DataPeer;

void demand(bool truth) {
    if (!truth) std::abort();
}

constexpr std::size_t steps_max = 200;
constexpr std::uint16_t client_data_port = 50'010;
constexpr std::uint16_t backend_data_port = 40'000;

std::string unescaped(string_view text) {
    std::string bytes;
    for (const char c : text) {
        if (c == '~')
            bytes += "\r\n";
        else
            bytes += c == '`' ? '\n' : c;
    }
    return bytes;
}

/// What may be told to another side is whole lines without a second one hidden inside.
void demand_whole_lines(string_view heard) {
    while (!heard.empty()) {
        const auto end = heard.find("\r\n");
        demand(end != string_view::npos);
        const auto line = heard.substr(0, end);
        demand(line.find_first_of(string_view("\r\n\0", 3)) == string_view::npos);
        heard.remove_prefix(end + 2);
    }
}

class Play {
public:
    Play() : client_ip_(base::Ip::parse("198.51.100.7").value()) {
        world_.limits.failed_logins_per_address = 0;
        world_.limits.failed_logins_per_user = 0;
    }

    void step(char what, string_view with) {
        switch (what) {
            case 'O': return set_option(with);
            case 'C': return client().send(unescaped(with));
            case 'h': return client().finish();
            case 'v': return client().vanish();
            case 'D': return open_client_data();
            case 'd': return of(client_data_, &DataPeer::send, unescaped(with));
            case 'e': return of(client_data_, &DataPeer::finish);
            case 'r': return of(client_data_, &DataPeer::reset);
            case 'B': return of(backend_, &DataPeer::send, unescaped(with));
            case 'H': return of(backend_, &DataPeer::finish);
            case 'V': return of(backend_, &DataPeer::reset);
            case 'S': return of(backend_data_, &DataPeer::send, unescaped(with));
            case 'E': return of(backend_data_, &DataPeer::finish);
            case 'R': return of(backend_data_, &DataPeer::reset);
            case 'T': return pass(with);
            case 'A': return world_.loop.settle();
            default: return;
        }
    }

    /// Everybody leaves, and nothing of them may stay.
    void end() {
        if (!began_) return;
        world_.loop.settle();
        for (auto* const each : {client_.get(), client_data_.get(), backend_data_.get()})
            if (each != nullptr) each->vanish();
        world_.loop.run_for(std::chrono::hours(1));
        for (auto& each : backends_) each->vanish();
        world_.loop.run_for(std::chrono::minutes(10));
        demand(world_.sessions() == 0);
        demand(world_.seats_taken() == 0);
        demand(world_.transfers_running() == 0);
        demand(world_.network.leases() == 0);
        for (const auto& each : backends_) demand_whole_lines(each->received());
        // What the backend says goes on as it is, but for its line ends.
        const string_view replies = client_->received();
        demand(replies.empty() || replies.ends_with("\r\n"));
    }

private:
    void set_option(string_view option) {
        if (began_ || option.empty()) return;
        auto& listener = world_.listener;
        auto& pool = world_.pool_settings;
        switch (option.front()) {
            case 'r': listener.read_only = true; return;
            case 'a': pool.backend_data = config::BackendData::as_client; return;
            case 'p': pool.backend_data = config::BackendData::port; return;
            case 'P': pool.backend_data = config::BackendData::pasv; return;
            case 'x': listener.allow_fxp = true; return;
            case 'c': listener.command_rate = 3; return;
            case 'b': listener.session_bandwidth = 1000; return;
            case 's': listener.system = unescaped("x"); return;
            // The usual backend of the tests, who plays along, but for the verbs that this names:
            // "fPASS=530 No."
            case 'f': return use_fake(option.substr(1));
            default: return;
        }
    }

    void use_fake(string_view replies) {
        uses_fake_ = true;
        auto& fake = world_.backend(0);
        fake.files["f"] = std::string(3000, 'x');
        const auto equals = replies.find('=');
        if (equals == string_view::npos) return;
        fake.script.replies[std::string(replies.substr(0, equals))] =
            unescaped(replies.substr(equals + 1));
    }

    DataPeer& client() {
        if (!began_) begin();
        return *client_;
    }

    void begin() {
        began_ = true;
        auto& network = world_.network;
        const auto backend = world_.backend(0).address();
        if (!uses_fake_) {
            network.listen(backend, [this](std::unique_ptr<net::Stream> stream) {
                backends_.push_back(std::make_unique<DataPeer>(world_.loop, std::move(stream)));
                backend_ = backends_.back().get();
            });
            network.listen({backend.ip, backend_data_port}, [this](std::unique_ptr<net::Stream> s) {
                backend_data_ = std::make_unique<DataPeer>(world_.loop, std::move(s));
            });
        }
        network.listen({client_ip_, client_data_port}, [this](std::unique_ptr<net::Stream> stream) {
            client_data_ = std::make_unique<DataPeer>(world_.loop, std::move(stream));
        });
        client_ = std::make_unique<DataPeer>(
            world_.loop, network.connect({client_ip_, 50'000}, world_.address()));
        world_.loop.settle();
    }

    /// To the port that the client was told last.
    void open_client_data() {
        if (!began_) return;
        world_.loop.settle();
        const string_view replies = client_->received();
        const auto at = std::max(replies.rfind("\n227 ") + 1, replies.rfind("\n229 ") + 1);
        if (at == 0) return;
        const auto told =
            ftp::parse_passive_reply(replies.substr(at, replies.find("\r\n", at) - at));
        if (!told) return;
        auto stream =
            world_.network.connect({client_ip_, 50'001}, {world_.address().ip, told->port});
        if (stream) client_data_ = std::make_unique<DataPeer>(world_.loop, std::move(stream));
        world_.loop.settle();
    }

    void pass(string_view seconds) {
        constexpr int seconds_max = 4000;
        int count = 0;
        for (const char c : seconds.substr(0, 4))
            if (c >= '0' && c <= '9') count = count * 10 + (c - '0');
        world_.loop.run_for(std::chrono::seconds(std::min(count, seconds_max)));
    }

    template <typename Pointer, typename... Arguments>
    void of(Pointer& peer, void (DataPeer::*act)(Arguments...),
            const std::type_identity_t<std::string>& text = {}) {
        if (!peer) world_.loop.settle();
        if (!peer) return;
        if constexpr (sizeof...(Arguments) == 0)
            ((*peer).*act)();
        else
            ((*peer).*act)(text);
    }

    support::World world_{1};
    base::Ip client_ip_;
    bool uses_fake_ = false;
    bool began_ = false;
    std::unique_ptr<DataPeer> client_;
    std::unique_ptr<DataPeer> client_data_;
    std::vector<std::unique_ptr<DataPeer>> backends_;  // each connection of Ballast's
    DataPeer* backend_ = nullptr;                      // the newest
    std::unique_ptr<DataPeer> backend_data_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    string_view input(reinterpret_cast<const char*>(data), size);
    Play play;
    for (std::size_t steps = 0; !input.empty() && steps < steps_max; ++steps) {
        const auto line = input.substr(0, input.find('\n'));
        input.remove_prefix(std::min(line.size() + 1, input.size()));
        if (!line.empty()) play.step(line.front(), line.substr(1));
    }
    play.end();
    return 0;
}
