// SPDX-License-Identifier: Apache-2.0
#include "relay/source_check.h"

#include "relay/shared_buffer.h"

#include <algorithm>
#include <span>

namespace ballast::relay {

namespace {

/// How many reads run in a row before other transfers of the worker get their turn.
constexpr int reads_in_a_row = 8;

}  // namespace

SourceCheck::State SourceCheck::run() {
    for (int turn = 0; turn < reads_in_a_row; ++turn) {
        if (!comparison_.difference().empty()) return State::differs;
        if (comparison_.is_passed()) return State::passed;
        auto& buffer = shared_buffer();
        // What follows belongs to the sink.
        const auto bytes_max = std::min<std::uint64_t>(buffer.size(), comparison_.left());
        const net::Io io = source_.read(std::span(buffer).first(bytes_max));
        switch (io.state) {
            case net::Io::State::moved:
                bytes_read_ += io.bytes;
                comparison_.add({buffer.data(), io.bytes});
                break;
            case net::Io::State::would_block: return State::wants_read;
            case net::Io::State::ended: comparison_.end(); break;
            case net::Io::State::failed: error_ = io.error; return State::failed;
        }
    }
    return State::wants_turn;
}

}  // namespace ballast::relay
