// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/gate.h"
#include "admin/http.h"
#include "base/log.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "net/stream.h"
#include "net/tls_server.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace ballast::admin {

/// How long operators may keep Ballast waiting.
struct Patience {
    /// For a whole request to arrive, and for each part of its answer to be taken.
    loop::Time::duration request = std::chrono::seconds(10);
    /// The same, if other connections wait for a place.
    loop::Time::duration crowded = std::chrono::milliseconds(100);
};

/// What operators over TCP need. Immutable: a reload replaces it.
struct Access {
    Gate gate;
    std::shared_ptr<const net::TlsServer> tls;  ///< null: plain HTTP
    loop::Time::duration handshake_timeout = std::chrono::seconds(10);
};

/// What a request means, and the answer to it. Called for requests that the gate has admitted; HEAD
/// comes as GET.
using Answerer = std::function<loop::Task<Answer>(Request)>;

/// What the connections of one entrance have in common.
struct Hall {
    static constexpr std::size_t streams_max = 64;

    loop::Loop& loop;
    Answerer answer;
    Way way = Way::socket;
    Patience patience;
    std::shared_ptr<const Access> access;  ///< never null
    bool is_closing = false;               ///< each answer is the last of its connection
    std::size_t streams = 0;               ///< answers that go on
};

/// Who has connected: a user of this machine, by number, or the address that a connection over TCP
/// came from.
using Caller = std::variant<std::uint64_t, std::string>;

/// One operator's connection, until either side ends it. Belongs to the control thread.
class Connection {
public:
    /// Answers at once what has arrived already. `changed` is raised when it has ended, and when it
    /// counts in another way: see the questions below. `hall` and `changed` must live longer.
    Connection(Hall& hall, std::unique_ptr<net::Stream> stream, Caller caller,
               loop::Signal& changed);

    /// Logs an exception that ended it.
    [[nodiscard]] bool has_ended() const;
    /// Since when it has been the client's turn; `never` while a request is worked on or while an
    /// answer goes on.
    [[nodiscard]] loop::Time waits_since() const { return waits_since_; }
    /// Its answer goes on. Such connections have places of their own.
    [[nodiscard]] bool is_streaming() const { return is_streaming_; }
    /// To be called when the hall has changed.
    void look_again() { signal_.raise(); }

private:
    [[nodiscard]] loop::Task<> run();
    [[nodiscard]] loop::Task<bool> begin_tls();
    [[nodiscard]] loop::Task<bool> serve_one();
    [[nodiscard]] loop::Task<Answer> answer_to(Request request);
    [[nodiscard]] loop::Task<bool> send(Answer answer, const Request& request, bool keep_alive);
    [[nodiscard]] loop::Task<bool> send(std::string_view text);
    [[nodiscard]] loop::Task<bool> send_feed(std::shared_ptr<Feed> feed, bool in_chunks);
    [[nodiscard]] loop::Task<bool> receive(loop::Deadline deadline);
    [[nodiscard]] loop::Task<> take_turns();
    [[nodiscard]] loop::Task<> linger();
    [[nodiscard]] bool is_gone();
    [[nodiscard]] log::Field caller() const;
    void note(const Request& request, std::string_view token, unsigned status) const;

    Hall& hall_;
    const std::shared_ptr<const net::TlsServer> tls_;  // of the handshake
    const Caller caller_;
    loop::Signal& changed_;
    loop::Signal signal_;
    net::TlsBond bond_;
    std::unique_ptr<net::Stream> stream_;
    RequestReader reader_;
    std::string received_;
    loop::Time waits_since_;
    bool is_streaming_ = false;
    loop::Job job_;
};

}  // namespace ballast::admin
