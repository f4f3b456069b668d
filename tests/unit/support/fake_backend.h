// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/tls_server.h"
#include "support/memory_network.h"
#include "support/session_state.h"

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::support {

/// A reply in `BackendScript::replies` that makes the server close instead.
constexpr std::string_view closes = "(closes)";

/// How a fake FTP server behaves. May be changed at any time; changes apply to what comes next.
struct BackendScript {
    std::string greeting = "220 Fake server ready.";  ///< empty: it never greets
    /// Replies to a verb instead of the usual ones. Several replies or lines are separated by CRLF;
    /// empty: no reply. A transfer verb with such a reply moves nothing.
    std::map<std::string, std::string> replies;
    TestLoop::Duration line_gap{};  ///< between two lines of these replies and of answers to STAT
    bool never_ends = false;        ///< everything behind their first line is repeated for ever
    std::string features = " EPSV\r\n REST STREAM\r\n SIZE\r\n UTF8\r\n";
    bool knows_epsv = true;
    bool reads_several = false;             ///< commands of one read, one after the other
    bool waits_for_data = false;            ///< after 227 and 229 it reads no command until then
    bool connects_data = true;              ///< after PORT and EPRT; else it waits for ever
    std::optional<base::Ip> connects_from;  ///< for data, if not its own address
    TestLoop::Duration reply_delay{};
    bool closes_after_421 = true;

    /// What happens when this many bytes of a transfer have moved.
    enum class Fault : std::uint8_t {
        none,
        reset_data,    ///< RST on the data connection, then 426
        killed,        ///< the process dies: its kernel ends both connections properly
        lose_control,  ///< only the control connection ends, the data go on to their end
        ends_early,    ///< the data end properly, but the final reply is 451
        stall,         ///< nothing more moves
    };
    Fault fault = Fault::none;
    std::uint64_t fault_after = 0;

    std::string begin_reply = "150 Here it comes.";      ///< empty: none
    std::string final_reply = "226 Transfer complete.";  ///< empty: never
    bool final_reply_first = false;                      ///< before the first byte of data
    bool final_waits_for_close = false;  ///< a download's, until the peer has closed its side too
    TestLoop::Duration final_delay{};
    std::vector<std::string> abort_replies = {"426 Aborted.", "226 ABOR done."};
    TestLoop::Duration abort_gap{};  ///< between two of these
    bool status_waits = false;       ///< STAT in a transfer is answered after it
    /// What STAT in a transfer is answered with at once, or after it; empty: never.
    std::string status_reply = "213-Still at it.\r\n226 is not the end\r\n213 End";
    std::string late_status_reply = "211 It is over.";
    TestLoop::Duration late_status_delay{};
    std::optional<DirectoryTree> tree;  ///< with it, it keeps what a client sets: `state`
    std::set<std::string> downloads;    ///< further verbs that move data
    std::set<std::string> uploads;

    std::shared_ptr<const net::TlsServer> tls;  ///< null: AUTH, PBSZ and PROT are not known
    bool begins_with_tls = false;
    std::string auth_reply = "234 Go ahead.";  ///< may hold more lines than that
    bool speaks_plain_after_auth = false;      ///< says 234 and then answers the handshake in clear
    bool takes_prot_p = true;
    bool resumes_tls_1_3 = true;
    bool requires_reuse = false;    ///< data must resume the control connection's session
    bool says_close_notify = true;  ///< at the end of a download
};

/// A scripted FTP server on a network in memory. Like real servers, it forgets REST at any command
/// but the transfer's, wants RNTO right after RNFR, treats the bytes of one read as one command
/// unless the script says otherwise, and announces an address where nobody listens.
class FakeBackend {
public:
    FakeBackend(MemoryNetwork& network, const base::Address& address);
    ~FakeBackend();
    FakeBackend(const FakeBackend&) = delete;
    FakeBackend& operator=(const FakeBackend&) = delete;

    BackendScript script;
    std::map<std::string, std::string> files;
    std::string file_time = "20260102030405";  ///< MDTM of all files
    std::uint16_t next_data_port = 40'000;     ///< a passive one
    std::string listing = "-rw-r--r-- 1 u g 5 Jan 1 00:00 a.txt\r\n";

    struct Upload {
        std::string name;
        std::string bytes;
        bool is_whole = false;  ///< its end looked proper
        bool is_vouched_for = false;
    };
    std::vector<Upload> stored;
    /// Facts of TLS on data connections.
    struct DataHandshake {
        bool is_resumed = false;
        bool is_tls_1_3 = false;
    };
    std::vector<DataHandshake> data_handshakes;
    std::size_t behind_others = 0;  ///< commands that were there before the last one's answer
    /// Every line of every session.
    std::vector<std::string> heard;
    [[nodiscard]] bool has_heard(std::string_view line) const;

    [[nodiscard]] const base::Address& address() const { return address_; }
    /// Of the last session that came, while or after it is there.
    [[nodiscard]] const SessionState& state() const;
    [[nodiscard]] std::size_t sessions() const;
    [[nodiscard]] std::size_t sessions_ever() const { return sessions_ever_; }
    /// Bytes of replies that were sent to all sessions and taken by their systems.
    [[nodiscard]] std::uint64_t bytes_said() const { return bytes_said_; }
    /// Sends an unexpected reply to every session.
    void say_to_all(const std::string& line);
    /// New connections are refused from now on; `open` ends that.
    void close();
    void open();
    /// The process dies: nobody listens, and its kernel ends what is open.
    void kill();

private:
    class Visit;

    MemoryNetwork& network_;
    base::Address address_;
    std::size_t sessions_ever_ = 0;
    std::uint64_t bytes_said_ = 0;
    std::vector<std::unique_ptr<Visit>> visits_;
};

}  // namespace ballast::support
