// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "net/stream.h"
#include "support/test_loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::support {

/// The far end of a data connection, played by a test: sends what it is told, keeps what it gets,
/// and knows how the other side ended.
class DataPeer {
public:
    explicit DataPeer(TestLoop& loop) : signal_(loop) {}
    DataPeer(TestLoop& loop, std::unique_ptr<net::Stream> stream) : DataPeer(loop) {
        take(std::move(stream));
    }
    ~DataPeer();
    DataPeer(const DataPeer&) = delete;
    DataPeer& operator=(const DataPeer&) = delete;

    void take(std::unique_ptr<net::Stream> stream);
    [[nodiscard]] bool is_connected() const { return stream_ != nullptr; }

    enum class End : std::uint8_t { open, proper, reset };
    [[nodiscard]] End end() const { return end_; }
    [[nodiscard]] const std::string& received() const { return received_; }

    void send(std::string_view bytes);
    /// After what is to be sent.
    void finish();
    void reset();
    /// As the kernel does for a process that was killed.
    void vanish();
    void stop_reading() { reads_ = false; }
    void resume_reading();

    /// Called when the object goes: where the test stops listening.
    std::function<void()> at_end;

private:
    [[nodiscard]] loop::Task<> run();

    loop::Signal signal_;
    std::unique_ptr<net::Stream> stream_;
    std::string received_;
    std::string to_send_;
    End end_ = End::open;
    bool finish_wanted_ = false;
    bool reads_ = true;
    loop::Job job_;
};

}  // namespace ballast::support
