// SPDX-License-Identifier: Apache-2.0
#include "support/memory_stream.h"

#include <algorithm>
#include <array>
#include <string>

namespace ballast::support {

namespace {

struct Side {
    base::Address address;
    std::string arrived;  ///< bytes this side may read
    bool fin_arrived = false;
    bool finished = false;      ///< sent its own FIN
    bool closed = false;        ///< nobody holds it any more
    bool was_reset = false;     ///< this side sent RST
    std::error_code told_once;  ///< the peer's RST, until it was reported
    bool is_dead = false;       ///< a RST has arrived
    bool must_finish = false;   ///< otherwise destroying it is a reset
    loop::Signal* signal = nullptr;
    bool watches_readable = false;
    bool watches_writable = false;
};

}  // namespace

struct MemoryStream::Wire : std::enable_shared_from_this<Wire> {
    Wire(loop::Loop& owner, Shape its_shape) : loop(owner), shape(its_shape) {}

    [[nodiscard]] bool is_readable(const Side& side) const {
        return !side.arrived.empty() || side.fin_arrived || side.is_dead;
    }
    [[nodiscard]] bool is_writable(std::size_t which) const {
        const Side& other = sides.at(1 - which);
        return sides.at(which).is_dead || other.closed || other.arrived.size() < shape.pipe_bytes;
    }
    /// Called when something changed for this side.
    void touch(std::size_t which) {
        const Side& side = sides.at(which);
        if (!side.watches_readable && !side.watches_writable) return;
        loop.post([wire = shared_from_this(), which] { wire->fire(which); });
    }
    void fire(std::size_t which) {
        Side& side = sides.at(which);
        bool raise = false;
        if (side.watches_readable && is_readable(side)) {
            side.watches_readable = false;
            raise = true;
        }
        if (side.watches_writable && is_writable(which)) {
            side.watches_writable = false;
            raise = true;
        }
        if (raise && side.signal != nullptr) side.signal->raise();
    }
    /// A RST arrives at this side.
    void kill(std::size_t which) {
        Side& side = sides.at(which);
        if (side.closed || side.is_dead) return;
        side.is_dead = true;
        side.told_once = std::make_error_code(std::errc::connection_reset);
        touch(which);
    }
    [[nodiscard]] std::size_t portion(std::size_t bytes) const {
        return shape.slice_bytes == 0 ? bytes : std::min(bytes, shape.slice_bytes);
    }

    loop::Loop& loop;
    Shape shape;
    std::array<Side, 2> sides;
};

MemoryStream::MemoryStream(std::shared_ptr<Wire> wire, std::size_t side)
    : wire_(std::move(wire)), side_(side) {}

MemoryStream::Pair MemoryStream::connect(loop::Loop& loop, const base::Address& a,
                                         const base::Address& b, Shape shape) {
    auto wire = std::make_shared<Wire>(loop, shape);
    wire->sides[0].address = a;
    wire->sides[1].address = b;
    std::unique_ptr<MemoryStream> first(new MemoryStream(wire, 0));
    std::unique_ptr<MemoryStream> second(new MemoryStream(wire, 1));
    return {std::move(first), std::move(second)};
}

MemoryStream::~MemoryStream() {
    Side& own = wire_->sides.at(side_);
    own.signal = nullptr;
    if (own.closed) return;
    if (!own.arrived.empty() || (own.must_finish && !own.finished)) {
        reset();
        return;
    }
    finish();
    own.closed = true;
    wire_->touch(1 - side_);
}

bool MemoryStream::has_peer_left() const {
    const Side& own = wire_->sides.at(side_);
    return own.closed || own.is_dead || own.fin_arrived;
}

bool MemoryStream::has_failed() const {
    const Side& own = wire_->sides.at(side_);
    return own.closed || own.is_dead;
}

std::chrono::microseconds MemoryStream::round_trip() const { return wire_->shape.round_trip; }

net::Io MemoryStream::read(std::span<char> into) {
    Side& own = wire_->sides.at(side_);
    if (own.closed)
        return {net::Io::State::failed, 0, std::make_error_code(std::errc::connection_reset)};
    if (!own.arrived.empty()) {
        const auto bytes = wire_->portion(std::min(into.size(), own.arrived.size()));
        std::copy_n(own.arrived.begin(), bytes, into.begin());
        own.arrived.erase(0, bytes);
        wire_->touch(1 - side_);
        return {net::Io::State::moved, bytes, {}};
    }
    if (own.told_once) return {net::Io::State::failed, 0, std::exchange(own.told_once, {})};
    if (own.is_dead || own.fin_arrived) return {net::Io::State::ended, 0, {}};
    return {};
}

net::Io MemoryStream::write(std::span<const char> from) {
    Side& own = wire_->sides.at(side_);
    Side& other = wire_->sides.at(1 - side_);
    if (own.told_once) return {net::Io::State::failed, 0, std::exchange(own.told_once, {})};
    if (own.closed || own.is_dead || own.finished)
        return {net::Io::State::failed, 0, std::make_error_code(std::errc::broken_pipe)};
    if (other.closed) {  // nobody is there, so the answer will be RST
        wire_->loop.post([wire = wire_, side = side_] { wire->kill(side); });
        return {net::Io::State::moved, wire_->portion(from.size()), {}};
    }
    const auto room =
        wire_->shape.pipe_bytes - std::min(wire_->shape.pipe_bytes, other.arrived.size());
    if (room == 0) return {};
    const auto bytes = wire_->portion(std::min(from.size(), room));
    other.arrived.append(from.data(), bytes);
    wire_->touch(1 - side_);
    return {net::Io::State::moved, bytes, {}};
}

net::Io::State MemoryStream::finish() {
    Side& own = wire_->sides.at(side_);
    if (own.closed || own.is_dead) return net::Io::State::failed;
    if (own.finished) return net::Io::State::moved;
    own.finished = true;
    wire_->sides.at(1 - side_).fin_arrived = true;
    wire_->touch(1 - side_);
    return net::Io::State::moved;
}

void MemoryStream::reset() {
    Side& own = wire_->sides.at(side_);
    if (own.closed) return;
    own.closed = true;
    own.was_reset = true;
    own.arrived.clear();
    wire_->kill(1 - side_);
}

void MemoryStream::attach(loop::Signal* signal) { wire_->sides.at(side_).signal = signal; }

void MemoryStream::watch_readable() {
    Side& own = wire_->sides.at(side_);
    if (own.closed) return;
    own.watches_readable = true;
    if (wire_->is_readable(own)) wire_->touch(side_);
}

void MemoryStream::watch_writable() {
    Side& own = wire_->sides.at(side_);
    if (own.closed) return;
    own.watches_writable = true;
    if (wire_->is_writable(side_)) wire_->touch(side_);
}

void MemoryStream::reset_unless_finished() { wire_->sides.at(side_).must_finish = true; }
bool MemoryStream::is_watching_readable() const { return wire_->sides.at(side_).watches_readable; }

const base::Address& MemoryStream::local() const { return wire_->sides.at(side_).address; }
const base::Address& MemoryStream::peer() const { return wire_->sides.at(1 - side_).address; }
bool MemoryStream::is_finished() const { return wire_->sides.at(side_).finished; }
bool MemoryStream::is_reset() const { return wire_->sides.at(side_).was_reset; }

}  // namespace ballast::support
