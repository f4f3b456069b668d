// SPDX-License-Identifier: Apache-2.0
#include "support/fake_backend.h"

#include "base/number.h"
#include "ftp/host_port.h"
#include "loop/job.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <span>
#include <utility>

namespace ballast::support {

using loop::Task;
using net::Io;

/// One control connection.
class FakeBackend::Visit {
public:
    Visit(FakeBackend& owner, std::unique_ptr<net::Stream> control)
        : owner_(owner),
          signal_(owner.network_.loop()),
          sleeper_(owner.network_.loop()),
          control_(std::move(control)) {
        control_->attach(&signal_);
        job_ = loop::Job::start(run());
    }
    ~Visit() { close_data_port(); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    [[nodiscard]] bool is_over() const { return job_.is_done(); }
    [[nodiscard]] const SessionState& state() const { return state_; }
    void say_now(const std::string& line) {
        if (control_) (void)control_->write(line + "\r\n");
    }

private:
    using Fault = BackendScript::Fault;

    Task<> run() {
        if (owner_.script.greeting.empty()) {
            while (pull()) co_await rest_a_while();
            co_return;
        }
        if (owner_.script.begins_with_tls && !co_await begin_tls()) co_return;
        co_await say(owner_.script.greeting);
        if (owner_.script.greeting.starts_with("421")) co_return hang_up();
        while (control_) {
            if (auto line = take_line())
                co_await answer(std::move(*line));
            else if (pull())
                co_await rest_a_while();
            else
                hang_up();
        }
    }

    Task<bool> begin_tls() {
        tls_server_ = owner_.script.tls;
        auto wrapped = tls_server_->wrap_control(std::move(control_), bond_);
        auto& tls = *wrapped;
        control_ = std::move(wrapped);
        control_->attach(&signal_);
        const auto deadline = owner_.network_.loop().after(handshake_time);
        if (!co_await tls.handshake(signal_, base::Fault::client, deadline)) {
            hang_up();
            co_return false;
        }
        tls_server_->remember(tls, bond_);
        tls_ = &tls;
        co_return true;
    }

    /// AUTH, PBSZ and PROT, if the script knows them.
    Task<> secure(std::string verb, std::string argument) {
        const auto& plan = owner_.script;
        if (verb == "PBSZ") co_return co_await say("200 PBSZ=0");
        if (verb == "PROT") {
            if (argument == "P" && !plan.takes_prot_p)
                co_return co_await say("534 No TLS for data.");
            protects_data_ = argument == "P";
            co_return co_await say("200 So be it.");
        }
        co_await say(plan.auth_reply);
        if (!plan.speaks_plain_after_auth) {
            (void)co_await begin_tls();
            co_return;
        }
        while (received_.empty() && pull()) co_await rest_a_while();
        received_.clear();
        co_await say("500 What?");
    }

    /// False if this ends the transfer.
    Task<bool> protect_data() {
        const bool resumes = owner_.script.resumes_tls_1_3 || !tls_->is_tls_1_3();
        auto wrapped = tls_server_->wrap_data(std::move(data_), resumes ? bond_ : nobodys_bond_);
        auto& tls = *wrapped;
        data_ = std::move(wrapped);
        data_->attach(&signal_);
        const auto deadline = owner_.network_.loop().after(handshake_time);
        if (!co_await tls.handshake(signal_, base::Fault::client, deadline)) {
            data_.reset();
            co_await say("425 No TLS.");
            co_return false;
        }
        owner_.data_handshakes.push_back({tls.is_resumed(), tls.is_tls_1_3()});
        if (!owner_.script.requires_reuse || tls.is_resumed()) co_return true;
        data_.reset();
        co_await say("522 Reuse the session.");
        co_return false;
    }

    Task<> finish_data() {
        while (owner_.script.says_close_notify && data_->finish() == Io::State::would_block) {
            data_->watch_writable();
            co_await rest_a_while();
        }
    }

    void hang_up() {
        close_data_port();
        data_.reset();
        control_.reset();
    }

    /// Reads once. False if the peer is gone.
    bool pull() {
        if (!control_) return false;
        std::array<char, 4096> buffer{};
        const Io io = control_->read(buffer);
        if (io.state == Io::State::moved) received_.append(buffer.data(), io.bytes);
        control_->watch_readable();
        return io.state == Io::State::moved || io.state == Io::State::would_block;
    }

    std::optional<std::string> take_line() {
        const auto end = received_.find("\r\n");
        if (end == std::string::npos) return std::nullopt;
        // Like JFileServer: one read is one command. Does not work with a sliced connection.
        const bool is_split = owner_.network_.shape.slice_bytes != 0 || owner_.script.reads_several;
        auto line = received_.substr(0, is_split ? end : received_.size() - 2);
        if (received_.size() > line.size() + 2) ++owner_.behind_others;
        received_.erase(0, line.size() + 2);
        owner_.heard.push_back(line);
        return line;
    }

    loop::Signal::Wait rest_a_while() {
        if (control_ && received_.find("\r\n") != std::string::npos) signal_.raise();
        return signal_.wait(loop::never);
    }

    Task<> sleep(TestLoop::Duration time) {
        if (time > TestLoop::Duration{})
            (void)co_await sleeper_.wait(owner_.network_.loop().after(time));
    }

    Task<> say(std::string text) {
        co_await sleep(owner_.script.reply_delay);
        if (!control_) co_return;
        text += "\r\n";
        if (co_await net::write_all(*control_, signal_, text, base::Fault::client, loop::never))
            owner_.bytes_said_ += text.size();
        else
            hang_up();
    }

    /// Answers with the script's own replies.
    Task<> say_scripted(std::string text) {
        const auto& plan = owner_.script;
        const auto first_end = text.find("\r\n");
        if (plan.never_ends && first_end != std::string::npos) {
            co_await say(text.substr(0, first_end));
            while (control_) {
                co_await sleep(owner_.script.line_gap);
                co_await say(text.substr(first_end + 2));
            }
            co_return;
        }
        for (std::size_t at = 0; plan.line_gap > TestLoop::Duration{};) {
            const auto end = text.find("\r\n", at);
            if (end == std::string::npos) co_return co_await say(text.substr(at));
            co_await say(text.substr(at, end - at));
            co_await sleep(owner_.script.line_gap);
            at = end + 2;
        }
        co_await say(std::move(text));
    }

    Task<> answer(std::string line) {
        const auto space = line.find(' ');
        const auto verb = line.substr(0, space);
        const auto argument = space == std::string::npos ? std::string() : line.substr(space + 1);
        const auto before = std::exchange(last_verb_, verb);
        const auto restart = std::exchange(restart_, 0);
        state_.begin_command();
        const auto& plan = owner_.script;

        if (const auto fixed = plan.replies.find(verb); fixed != plan.replies.end()) {
            if (fixed->second.empty()) co_return;
            if (fixed->second == closes) co_return hang_up();
            const bool is_last_word = fixed->second.starts_with("421") && plan.closes_after_421;
            co_await say_scripted(fixed->second);
            if (is_last_word) hang_up();
            co_return;
        }
        if (verb == "USER") co_return co_await say("331 Password please.");
        if (verb == "PASS") {
            is_logged_in_ = argument == "secret";
            co_return co_await say(is_logged_in_ ? "230 Welcome." : "530 Wrong.");
        }
        if (verb == "QUIT") {
            co_await say("221 Goodbye.");
            co_return hang_up();
        }
        if (verb == "FEAT") co_return co_await say("211-Features:\r\n" + plan.features + "211 End");
        if (verb == "SYST") co_return co_await say("215 UNIX Type: L8");
        if (verb == "NOOP") co_return co_await say("200 Fine.");
        if (verb == "HOST") co_return co_await say("220 Host accepted.");
        if (plan.tls && (verb == "AUTH" || verb == "PBSZ" || verb == "PROT"))
            co_return co_await secure(verb, argument);
        if (!is_logged_in_) co_return co_await say("530 Log in first.");
        if (plan.tree)
            if (auto reply = state_.hear(*plan.tree, verb, argument)) {
                restart_ = state_.restart;
                co_return co_await say(std::move(*reply));
            }

        if (verb == "EPSV" || verb == "PASV") co_return co_await passive(verb == "EPSV");
        if (verb == "PORT" || verb == "EPRT") {
            close_data_port();
            data_.reset();
            active_ = verb == "PORT" ? ftp::parse_port(argument).value()
                                     : ftp::parse_eprt(argument).value();
            if (protects_data_) tls_server_->refresh_ticket(*tls_);
            co_return co_await say("200 " + verb + " it is.");
        }
        if (verb == "REST") {
            const auto offset = base::parse_number<std::uint64_t>(argument);
            if (!offset) co_return co_await say("501 How many bytes?");
            restart_ = *offset;
            co_return co_await say("350 Restarting.");
        }
        if (verb == "RNFR") co_return co_await say("350 And its new name?");
        if (verb == "RNTO")
            co_return co_await say(before == "RNFR" ? "250 Renamed." : "503 RNFR first.");
        if (verb == "PWD") co_return co_await say("257 \"/\" is where you are.");
        if (verb == "ABOR") co_return co_await say("226 Nothing to abort.");
        if (verb == "STAT") co_return co_await say("211 Fine.");
        if (verb == "LIST" || verb == "NLST" || verb == "MLSD" || plan.downloads.contains(verb))
            co_return co_await download(owner_.listing);
        if (verb == "RETR") {
            const auto file = owner_.files.find(argument);
            if (file == owner_.files.end()) {
                close_data_port();  // like ProFTPD
                co_return co_await say("550 No such file.");
            }
            co_return co_await download(
                file->second.substr(std::min<std::size_t>(restart, file->second.size())));
        }
        if (verb == "SIZE" || verb == "MDTM") {
            const auto file = owner_.files.find(argument);
            if (file == owner_.files.end()) co_return co_await say("550 No such file.");
            co_return co_await say(verb == "SIZE" ? fmt::format("213 {}", file->second.size())
                                                  : "213 " + owner_.file_time);
        }
        if (verb == "STOR" || verb == "APPE" || verb == "STOU" || plan.uploads.contains(verb))
            co_return co_await upload(argument);
        const bool is_known = verb == "TYPE" || verb == "CWD" || verb == "MODE" || verb == "STRU" ||
                              verb == "OPTS" || verb == "CLNT" || verb == "SITE" || verb == "ALLO";
        co_await say(is_known ? "200 Done." : "502 What?");
    }

    Task<> passive(bool extended) {
        if (extended && !owner_.script.knows_epsv) co_return co_await say("500 What?");
        close_data_port();
        data_.reset();
        active_.reset();
        data_port_ = owner_.next_data_port++;
        if (owner_.next_data_port == 0) owner_.next_data_port = 40'000;
        owner_.network_.listen({owner_.address_.ip, data_port_},
                               [this](std::unique_ptr<net::Stream> stream) {
                                   data_ = std::move(stream);
                                   data_->attach(&signal_);
                                   signal_.raise();
                               });
        if (protects_data_) tls_server_->refresh_ticket(*tls_);
        co_await say(extended ? fmt::format("229 Go there (|||{}|)", data_port_)
                              : fmt::format("227 Go there (10,9,9,9,{},{})", data_port_ / 256,
                                            data_port_ % 256));
        while (owner_.script.waits_for_data && !data_ && pull())
            (void)co_await signal_.wait(loop::never);
    }

    void close_data_port() {
        if (data_port_ != 0) owner_.network_.close({owner_.address_.ip, data_port_});
        data_port_ = 0;
    }

    /// ABOR, STAT and other commands meanwhile. False if this ends the transfer.
    Task<bool> hear_during_transfer() {
        for (;;) {
            while (auto line = take_line()) {
                if (line->starts_with("STAT")) {
                    if (owner_.script.status_waits)
                        ++status_owed_;
                    else if (!owner_.script.status_reply.empty())
                        co_await say_scripted(owner_.script.status_reply);
                } else if (*line == "ABOR") {
                    if (data_) data_->reset();
                    data_.reset();
                    // A transfer with its final reply already sent has no other reply.
                    auto replies = std::span(std::as_const(owner_.script.abort_replies));
                    if (owner_.script.final_reply_first) replies = replies.last(1);
                    bool is_first = true;
                    for (const auto& reply : replies) {
                        if (!std::exchange(is_first, false))
                            co_await sleep(owner_.script.abort_gap);
                        co_await say(reply);
                    }
                    co_return false;
                }
            }
            const auto before = received_.size();
            if (!pull()) {
                control_.reset();  // as with most servers, the data go on to their end
                co_return data_ != nullptr;
            }
            if (received_.size() == before) co_return true;
        }
    }

    Task<bool> begin_transfer() {
        if (!owner_.script.begin_reply.empty()) co_await say(owner_.script.begin_reply);
        if (const auto to = std::exchange(active_, {}); to && owner_.script.connects_data) {
            const base::Address from{owner_.script.connects_from.value_or(owner_.address_.ip), 20};
            data_ = owner_.network_.connect(from, *to);
            if (!data_) {
                co_await say("425 Connection refused.");
                co_return false;
            }
            data_->attach(&signal_);
        }
        while (!data_) {
            if (!co_await hear_during_transfer()) {
                close_data_port();
                co_return false;
            }
            if (!data_) co_await rest_a_while();
        }
        close_data_port();
        if (protects_data_ && !co_await protect_data()) co_return false;
        if (owner_.script.final_reply_first) co_await say(owner_.script.final_reply);
        co_return control_ != nullptr;
    }

    /// Performs the fault if its moment has come. True: the transfer is over.
    Task<bool> fault_strikes(std::uint64_t moved) {
        if (owner_.script.fault == Fault::none || moved < owner_.script.fault_after)
            co_return false;
        switch (owner_.script.fault) {
            case Fault::none: break;
            case Fault::reset_data:
                data_->reset();
                data_.reset();
                co_await say("426 It broke.");
                co_return true;
            case Fault::killed: hang_up(); co_return true;
            case Fault::lose_control: control_.reset(); break;
            case Fault::ends_early:
                data_.reset();
                co_await say("451 It broke.");
                co_return true;
            case Fault::stall:
                while (co_await hear_during_transfer() && control_) co_await rest_a_while();
                co_return true;
        }
        co_return false;
    }

    Task<> download(std::string content) {
        if (!co_await begin_transfer()) co_return;
        std::uint64_t moved = 0;
        while (moved < content.size()) {
            if (control_ && !co_await hear_during_transfer()) co_return;
            if (co_await fault_strikes(moved)) co_return;
            auto portion = content.size() - moved;
            if (owner_.script.fault != Fault::none && moved < owner_.script.fault_after)
                portion = std::min<std::size_t>(portion, owner_.script.fault_after - moved);
            const Io io = data_->write(std::string_view(content).substr(moved, portion));
            if (io.state == Io::State::moved) {
                moved += io.bytes;
            } else if (io.state == Io::State::would_block) {
                data_->watch_writable();
                co_await rest_a_while();
            } else {
                data_.reset();
                co_return co_await say("426 You broke it.");
            }
        }
        if (co_await fault_strikes(moved)) co_return;
        co_await finish_data();
        while (owner_.script.final_waits_for_close) {
            std::array<char, 64> ignored{};
            const auto state = data_->read(ignored).state;
            if (state == Io::State::ended || state == Io::State::failed) break;
            data_->watch_readable();
            co_await rest_a_while();
        }
        data_.reset();
        co_await end_transfer();
    }

    Task<> upload(std::string name) {
        if (!co_await begin_transfer()) co_return;
        Upload arrived{std::move(name), {}, false, false};
        for (;;) {
            if (control_ && !co_await hear_during_transfer()) {
                owner_.stored.push_back(std::move(arrived));
                co_return;
            }
            std::array<char, 4096> buffer{};
            std::span<char> room = buffer;
            if (owner_.script.fault != Fault::none &&
                arrived.bytes.size() < owner_.script.fault_after)
                room = room.first(std::min<std::size_t>(
                    room.size(), owner_.script.fault_after - arrived.bytes.size()));
            const Io io = data_->read(room);
            if (io.state == Io::State::moved) {
                arrived.bytes.append(buffer.data(), io.bytes);
            } else if (io.state == Io::State::would_block) {
                data_->watch_readable();
                co_await rest_a_while();
            } else {
                arrived.is_whole = io.state == Io::State::ended;
                arrived.is_vouched_for = io.is_vouched_for;
                break;
            }
            if (co_await fault_strikes(arrived.bytes.size())) {
                owner_.stored.push_back(std::move(arrived));
                co_return;
            }
        }
        const bool is_whole = arrived.is_whole;
        owner_.stored.push_back(std::move(arrived));
        data_.reset();
        if (!is_whole) co_return co_await say("426 You broke it.");
        co_await end_transfer();
    }

    Task<> end_transfer() {
        co_await sleep(owner_.script.final_delay);
        if (!owner_.script.final_reply_first && !owner_.script.final_reply.empty())
            co_await say(owner_.script.final_reply);
        for (; status_owed_ > 0; --status_owed_) {
            co_await sleep(owner_.script.late_status_delay);
            co_await say_scripted(owner_.script.late_status_reply);
        }
    }

    static constexpr auto handshake_time = std::chrono::minutes(1);

    FakeBackend& owner_;
    std::shared_ptr<const net::TlsServer> tls_server_;
    net::TlsBond bond_;
    net::TlsBond nobodys_bond_;
    net::TlsStream* tls_ = nullptr;  // owned by `control_`
    bool protects_data_ = false;
    loop::Signal signal_;
    loop::Signal sleeper_;
    std::unique_ptr<net::Stream> control_;
    std::unique_ptr<net::Stream> data_;
    std::string received_;
    std::string last_verb_;
    std::uint64_t restart_ = 0;
    SessionState state_;
    std::uint16_t data_port_ = 0;
    std::optional<base::Address> active_;  // named by PORT or EPRT
    int status_owed_ = 0;
    bool is_logged_in_ = false;
    loop::Job job_;
};

FakeBackend::FakeBackend(MemoryNetwork& network, const base::Address& address)
    : network_(network), address_(address) {
    open();
}

FakeBackend::~FakeBackend() { kill(); }

void FakeBackend::open() {
    network_.listen(address_, [this](std::unique_ptr<net::Stream> stream) {
        std::erase_if(visits_, [](const auto& visit) { return visit->is_over(); });
        ++sessions_ever_;
        visits_.push_back(std::make_unique<Visit>(*this, std::move(stream)));
    });
}

void FakeBackend::close() { network_.close(address_); }

void FakeBackend::kill() {
    close();
    visits_.clear();
}

const SessionState& FakeBackend::state() const { return visits_.back()->state(); }

std::size_t FakeBackend::sessions() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(visits_, [](const auto& visit) { return !visit->is_over(); }));
}

void FakeBackend::say_to_all(const std::string& line) {
    for (const auto& visit : visits_) visit->say_now(line);
}

bool FakeBackend::has_heard(std::string_view line) const {
    return std::ranges::find(heard, line) != heard.end();
}

}  // namespace ballast::support
